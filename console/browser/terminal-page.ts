const COLOURS: Readonly<Record<string, string>> = {
  '31': '#ff8f5e',
  '32': '#4cc79c',
  '33': '#efb04d',
  '34': '#9badff',
  '35': '#d7a1f5',
  '36': '#7fd1e0',
  '90': '#8b94a3',
}

/** The last picture a program has drawn over and over on a terminal, as a page. */
export function terminalPage(output: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: terminals are told by control characters.
  const last = output.split(/\u001b\[\d+A\r?\u001b\[J/).at(-1) ?? ''
  const plain = last.replaceAll('\r', '').trimEnd()
  const body = plain
    // biome-ignore lint/suspicious/noControlCharactersInRegex: as above.
    .split(/(\u001b\[[\d;?]*[A-Za-z])/)
    .map((part) => {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: as above.
      const code = /^\u001b\[([\d;]*)m$/.exec(part)
      if (code) return styled(code[1] ?? '')
      return part.startsWith('\u001b') ? '' : part.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
    })
    .join('')
  return `<!doctype html><style>
    body { margin: 0; background: #14171c }
    pre { display: inline-block; margin: 0; padding: 20px 26px; background: #14171c; color: #e8ebf0;
      font: 14px/1.5 "DejaVu Sans Mono", monospace }
  </style><pre>${body}</pre>`
}

let isOpen = false

function styled(codes: string): string {
  const close = isOpen ? '</span>' : ''
  const styles = codes.split(';').flatMap((code) => {
    if (code === '1') return ['font-weight: 700']
    if (code === '2') return ['color: #8b94a3']
    return COLOURS[code] === undefined ? [] : [`color: ${COLOURS[code]}`]
  })
  isOpen = styles.length > 0
  return isOpen ? `${close}<span style="${styles.join('; ')}">` : close
}
