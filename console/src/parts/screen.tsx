import type { ComponentChildren } from 'preact'
import { useEffect } from 'preact/hooks'

/** One screen: its title is the document's, too, for tabs, history and screen readers. */
export function Screen({
  title,
  above,
  actions,
  children,
}: {
  title: string
  above?: ComponentChildren
  actions?: ComponentChildren
  children: ComponentChildren
}) {
  useEffect(() => {
    document.title = `${title} · HotSwap`
  }, [title])
  return (
    <>
      {above !== undefined && <div class="above">{above}</div>}
      <div class="title">
        <h1>{title}</h1>
        {actions && <div class="buttons">{actions}</div>}
      </div>
      {children}
    </>
  )
}
