import type { Sharing } from '../../studies/consent/own-sharing.ts'
import type { SharedLine } from '../../studies/consent/shared-line.ts'

/** A line of `/sharing`, identified by what it says and not by its position: whoever ticks it wants that to end, whatever has changed since. */
export type Tick = {
  readonly human: string
  readonly receiver: string
  /** Empty for a Consent that shares nothing; then `source` is its id. */
  readonly kind: string
  /** Id of a Device; empty for any. */
  readonly source: string
}

export const tickOf = ({ human, receiver = '', consent }: Sharing, line: SharedLine | undefined): Tick => ({
  human,
  receiver,
  kind: line?.kind ?? '',
  source: line === undefined ? (consent.id ?? '') : (line.source ?? ''),
})

/** The text has no space, and no character with a meaning in HTML. */
export const tickText = (tick: Tick): string => new URLSearchParams(tick).toString().replaceAll('&', '/')

/** Undefined if it is not from this page, or about nobody whose page it is now. */
export const parseTick = (text: string, humans: readonly string[]): Tick | undefined => {
  const query = new URLSearchParams(text.replaceAll('/', '&'))
  const [human, receiver, kind, source] = ['human', 'receiver', 'kind', 'source'].map(name => query.get(name))
  if (human == null || receiver == null || kind == null || source == null) return undefined
  return humans.includes(human) ? { human, receiver, kind, source } : undefined
}

/** Whether what is given now shares anything of what a line said. */
export const isOfTick = (tick: Tick, now: Tick): boolean =>
  tick.human === now.human &&
  tick.receiver === now.receiver &&
  tick.receiver !== '' &&
  (tick.kind === '' ||
    now.kind === '' ||
    (tick.kind === now.kind && (tick.source === now.source || tick.source === '' || now.source === '')))
