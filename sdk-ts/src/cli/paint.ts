import { stripVTControlCharacters, styleText } from 'node:util'
import type { World } from './world.ts'

/** Colours a text, or leaves it as it is. */
export type Paint = (style: Style, text: string) => string
export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan'

/** Colours on a terminal, unless `NO_COLOR` is set (https://no-color.org); `FORCE_COLOR` wants them anywhere. */
export function painter({ env, stdout }: Pick<World, 'env' | 'stdout'>): Paint {
  const wanted = env['NO_COLOR']
    ? false
    : env['FORCE_COLOR']
      ? env['FORCE_COLOR'] !== '0'
      : stdout.isTTY === true && env['TERM'] !== 'dumb'
  if (!wanted) return (_, text) => text
  return (style, text) => styleText(style, text, { validateStream: false } as never)
}

/** A text of somebody else without what would move the cursor or colour the terminal. */
export function plain(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this is about
  return stripVTControlCharacters(text).replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ')
}

/** How many columns a text takes; ours has no wide characters. */
export function widthOf(text: string): number {
  return stripVTControlCharacters(text).length
}

/** At most `width` columns of a coloured line. */
export function clipped(line: string, width: number): string {
  if (widthOf(line) <= width) return line
  let room = width - 1
  let result = ''
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the sequences that colour
  for (const part of line.split(/(\u001b\[[0-9;]*m)/)) {
    if (part.startsWith('\u001b[')) result += part
    else {
      result += part.slice(0, room)
      room = Math.max(room - part.length, 0)
    }
  }
  return `${result}…`
}

/** A text as wide as it is told, by columns. */
export function padded(text: string, width: number): string {
  return text + ' '.repeat(Math.max(width - widthOf(text), 0))
}

/** Rows under their heads, each column as wide as it needs. */
export function table(heads: readonly string[], rows: readonly (readonly string[])[], paint: Paint): string[] {
  const widths = heads.map((head, index) => Math.max(head.length, ...rows.map((row) => widthOf(row[index] ?? ''))))
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, index) => padded(cell, widths[index] ?? 0))
      .join('  ')
      .trimEnd()
  return [paint('dim', line(heads)), ...rows.map(line)]
}
