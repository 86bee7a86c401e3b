import { cpus, loadavg } from 'node:os'

export type Report = {
  readonly bench: string
  readonly figures: Readonly<Record<string, number>>
  /** What must be reached, in words. */
  readonly bars: readonly Goal[]
  /** What we want on a quiet machine; reported, but not enforced. */
  readonly aims?: readonly Goal[]
}

type Goal = { readonly name: string; readonly isMet: boolean }

/** A table for people, one JSON line for programs, and each bar by name. */
export const printReport = ({ bench, figures, bars, aims = [] }: Report): void => {
  const shown = Object.entries(figures).map(([name, value]) => [name, rounded(value)] as const)
  const width = Math.max(28, ...shown.map(([name]) => name.length))
  const machine = { cpus: cpus().length, load: rounded(loadavg()[0] ?? 0) }
  const lines = [
    '',
    bench,
    ...shown.map(([name, value]) => `  ${name.padEnd(width)} ${String(value).padStart(12)}`),
    ...bars.map(({ name, isMet }) => `  ${isMet ? 'met   ' : 'MISSED'} ${name}`),
    ...aims.map(({ name, isMet }) => `  ${isMet ? 'reached' : 'not yet'} aim: ${name}`),
    `  load average ${machine.load} on ${machine.cpus} processors`,
    JSON.stringify({ bench, ...Object.fromEntries(shown), ...machine }),
    '',
  ]
  process.stdout.write(lines.join('\n'))
}

const rounded = (value: number): number => Number(value.toPrecision(4))
