import type { Tell } from './event.ts'

/**
 * What happens, counted for Prometheus. A label has only values that are known beforehand: whatever else comes is counted as `other`, so that nothing
 * of a request, of a person or of a study can become one, and nobody can fill the memory with new ones.
 */
export type Metrics = {
  readonly tell: Tell
  readonly requestBegan: () => void
  readonly requestEnded: (asked: RequestLabels, seconds: number) => void
  /** Refused as the record of who did what has it. */
  readonly attemptRefused: (interaction: string, status: number) => void
  readonly uploaded: (fate: string) => void
  readonly faultMet: () => void
  /** The text for Prometheus, with what was read just now of everything that is not counted here. */
  readonly text: (figures: readonly Figure[]) => Promise<string>
  readonly contentType: string
}

/** `status`: undefined if the client left before it was answered. */
type RequestLabels = {
  readonly door: string
  readonly interaction: string
  readonly type: string
  readonly status: number | undefined
}

export type Figure = {
  readonly name: keyof typeof figureTable
  readonly labels?: Readonly<Record<string, string>>
  readonly value: number
}

/** The values that labels may have. */
type Known = { readonly interactions: ReadonlySet<string>; readonly types: ReadonlySet<string> }

export const openMetrics = async ({ interactions, types }: Known): Promise<Metrics> => {
  // Loaded only where somebody reads metrics.
  const { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } = await import('prom-client')
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  const counter = (name: string, help: string, labelNames: readonly string[] = []) =>
    new Counter({ name, help, labelNames, registers })
  const requests = counter('sharewell_http_requests_total', 'Requests that have ended, by what they asked for.', [
    'door',
    'interaction',
    'type',
    'status',
  ])
  const durations = new Histogram({
    name: 'sharewell_http_request_duration_seconds',
    help: 'How long requests took until their answer was sent.',
    labelNames: ['door', 'interaction'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers,
  })
  const inFlight = new Gauge({
    name: 'sharewell_http_requests_in_flight',
    help: 'Requests that are being read, worked on or answered.',
    registers,
  })
  const refusals = counter('sharewell_attempts_refused_total', 'What was refused, as the record of it says.', [
    'interaction',
    'status',
  ])
  const uploads = counter('sharewell_uploads_total', 'Observations that came in, by what became of them.', ['outcome'])
  const faults = counter('sharewell_faults_total', 'Faults in background work.')
  const events = counter('sharewell_events_total', 'What background work tells the log, by its name there.', ['event'])
  const figures = (Object.keys(figureTable) as Figure['name'][]).map(name => {
    const { kind, help, labels } = figureTable[name]
    const made = { name, help, labelNames: [...labels], registers }
    return [name, kind === 'counter' ? new Counter(made) : new Gauge(made)] as const
  })
  const byName = new Map(figures)
  const interactionOf = (name: string) => (interactions.has(name) ? name : other)
  return {
    tell: ({ kind }) => events.inc({ event: kind }),
    requestBegan: () => inFlight.inc(),
    requestEnded: ({ door, type, status, ...asked }, seconds) => {
      const interaction = interactionOf(asked.interaction)
      inFlight.dec()
      requests.inc({ door, interaction, type: types.has(type) ? type : other, status: status ?? 'left' })
      durations.observe({ door, interaction }, seconds)
    },
    attemptRefused: (interaction, status) => refusals.inc({ interaction: interactionOf(interaction), status }),
    uploaded: outcome => uploads.inc({ outcome }),
    faultMet: () => faults.inc(),
    text: async told => {
      for (const [name, metric] of figures) {
        metric.reset()
        // One without labels would be 0 now, also if nothing is known of it.
        if (figureTable[name].labels.length === 0) metric.remove()
      }
      for (const { name, labels = {}, value } of told) byName.get(name)?.inc(labels, value)
      return registry.metrics()
    },
    contentType: registry.contentType,
  }
}

const other = 'other'

/** What is read when Prometheus asks. */
const figureTable = {
  sharewell_database_up: { kind: 'gauge', labels: [], help: 'Whether the database answered while this was asked.' },
  sharewell_figures_missing: {
    kind: 'gauge',
    labels: ['figure'],
    help: 'Whether what else the database was asked could not be read in time, by what it is about.',
  },
  sharewell_database_bytes: { kind: 'gauge', labels: [], help: 'Size of the database.' },
  sharewell_database_connections: {
    kind: 'gauge',
    labels: ['pool', 'state'],
    help: 'Connections to the database that are open.',
  },
  sharewell_database_connections_most: {
    kind: 'gauge',
    labels: ['pool'],
    help: 'How many of them may be open.',
  },
  sharewell_database_waiting: {
    kind: 'gauge',
    labels: ['pool'],
    help: 'How much waits for a connection to become free.',
  },
  sharewell_database_waits_total: {
    kind: 'counter',
    labels: ['pool'],
    help: 'How often something had to wait for a connection to become free.',
  },
  sharewell_database_wait_seconds_total: {
    kind: 'counter',
    labels: ['pool'],
    help: 'How long that took, all together.',
  },
  sharewell_audit_waiting: {
    kind: 'gauge',
    labels: [],
    help: 'Records of who did what that are being written, each of which keeps an answer waiting.',
  },
  sharewell_audit_unsealed: { kind: 'gauge', labels: [], help: 'Records that no seal covers yet, up to 10000.' },
  sharewell_audit_unsealed_seconds: { kind: 'gauge', labels: [], help: 'Age of the oldest of them.' },
  sharewell_jobs: { kind: 'gauge', labels: ['queue', 'state'], help: 'Background work.' },
  sharewell_letters: { kind: 'gauge', labels: ['state'], help: 'Messages to people that are not sent.' },
  sharewell_last_backup_timestamp_seconds: {
    kind: 'gauge',
    labels: [],
    help: 'When the newest backup that was recorded was begun.',
  },
} as const
