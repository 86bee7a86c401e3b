import type { Sharing } from '../../studies/consent/own-sharing.ts'
import type { SharedLine } from '../../studies/consent/shared-line.ts'

/** A line of `/sharing` by what it says, and not by where it stands: whoever ticks it wants that to end, whatever has changed since. */
export type Tick = {
  readonly human: string
  readonly receiver: string
  /** Empty for a Consent that opens nothing, of which `source` is the id. */
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

/** Without a character that means something in HTML, or a space. */
export const tickText = (tick: Tick): string => new URLSearchParams(tick).toString().replaceAll('&', '/')

/** Undefined for what is not of this page, or of nobody whose page it is now. */
export const parseTick = (text: string, humans: readonly string[]): Tick | undefined => {
  const query = new URLSearchParams(text.replaceAll('/', '&'))
  const [human, receiver, kind, source] = ['human', 'receiver', 'kind', 'source'].map(name => query.get(name))
  if (human == null || receiver == null || kind == null || source == null) return undefined
  return humans.includes(human) ? { human, receiver, kind, source } : undefined
}

/** Whether what is given now opens anything of what a line said. */
export const isOfTick = (tick: Tick, now: Tick): boolean =>
  tick.human === now.human &&
  tick.receiver === now.receiver &&
  tick.receiver !== '' &&
  (tick.kind === '' ||
    now.kind === '' ||
    (tick.kind === now.kind && (tick.source === now.source || tick.source === '' || now.source === '')))
