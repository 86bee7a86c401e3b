import { Command, InvalidArgumentError } from 'commander'
import { benchIngest } from './ingest.ts'
import { printReport, type Report } from './report.ts'
import { benchSearch } from './search.ts'
import { type BenchServer, openBenchServer } from './server.ts'

type Options = {
  readonly rows?: number
  readonly connections: number
  readonly profile?: string
}

const benches: Readonly<Record<string, (server: BenchServer, options: Options) => Promise<Report>>> = {
  ingest: (server, { rows = 20_000, connections }) => benchIngest(server, { rows, connections }),
  search: (server, { rows = 1_000_000 }) => benchSearch(server, { rows }),
}

/** Each bench has a server and a database of its own: what one leaves behind does not slow the other. */
const run = async (names: readonly string[], options: Options): Promise<void> => {
  const missed: string[] = []
  for (const name of names) {
    const server = await openBenchServer(options.profile)
    try {
      const report = await benches[name]?.(server, options)
      if (report === undefined) continue
      printReport(report)
      missed.push(...report.bars.filter(({ isMet }) => !isMet).map(bar => bar.name))
    } finally {
      await server.close()
    }
  }
  for (const name of missed) process.stderr.write(`missed: ${name}\n`)
  if (missed.length > 0) process.exitCode = 1
}

const count = (text: string): number => {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('a whole number is needed')
}

const program = new Command('bench')
  .description('Measures the server over HTTP against plain SQL on the same database')
  .option('--rows <count>', 'Observations to write or to search in', count)
  .option('--connections <count>', 'connections that upload at the same time', count, 2)
  .option('--profile <folder>', "keep the server's CPU profile there")
for (const names of [['ingest'], ['search'], ['ingest', 'search']]) {
  program.command(names.length > 1 ? 'all' : (names[0] ?? '')).action(() => run(names, program.opts<Options>()))
}
await program.parseAsync()
