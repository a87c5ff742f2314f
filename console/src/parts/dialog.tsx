import type { ComponentChildren } from 'preact'
import { useEffect, useId, useRef, useState } from 'preact/hooks'
import { useSession } from '../session.tsx'
import { Problem } from './said.tsx'

interface Asked {
  readonly title: string
  /** What will happen. */
  readonly children: ComponentChildren
  readonly verb: string
  readonly isDangerous?: boolean
  readonly reasonRequired?: boolean
  onSay(reason: string): Promise<unknown>
  onClose(): void
}

/** Asks whether something shall really be done, and why. Esc closes it, and the focus goes back to where it was. */
export function Confirm({ title, children, verb, isDangerous, reasonRequired, onSay, onClose }: Asked) {
  const { isOver } = useSession()
  const dialog = useRef<HTMLDialogElement>(null)
  const [reason, setReason] = useState('')
  const [error, setError] = useState<unknown>()
  const [isBusy, setBusy] = useState(false)
  const id = useId()
  useEffect(() => dialog.current?.showModal(), [])

  const say = async (event: Event) => {
    event.preventDefault()
    setBusy(true)
    setError(undefined)
    try {
      await onSay(reason.trim())
      onClose()
    } catch (failed) {
      if (!isOver(failed)) setError(failed)
    } finally {
      setBusy(false)
    }
  }
  return (
    <dialog ref={dialog} aria-labelledby={`${id}t`} onClose={onClose}>
      <form onSubmit={say}>
        <h2 id={`${id}t`}>{title}</h2>
        <div class="dialog-body">{children}</div>
        <label class="field">
          <span>
            Reason{' '}
            <small>{reasonRequired ? 'required; it is kept in the audit' : 'optional; it is kept in the audit'}</small>
          </span>
          <textarea
            rows={2}
            maxLength={1000}
            required={reasonRequired}
            value={reason}
            onInput={(event) => setReason(event.currentTarget.value)}
          />
        </label>
        {error !== undefined && <Problem error={error} />}
        <div class="buttons end">
          <button type="button" onClick={() => dialog.current?.close()}>
            Not now
          </button>
          <button type="submit" class={isDangerous ? 'danger' : 'primary'} disabled={isBusy}>
            {verb}
          </button>
        </div>
      </form>
    </dialog>
  )
}
