import { Command, InvalidArgumentError } from 'commander'
import { benchAudit } from './audit.ts'
import { benchAuth } from './auth.ts'
import { benchCrud } from './crud.ts'
import { benchIngest } from './ingest.ts'
import { closeOnSignals } from './interrupted.ts'
import { benchMix } from './mix.ts'
import { printReport, type Report } from './report.ts'
import { benchSearch } from './search.ts'
import { type BenchServer, openBenchServer } from './server.ts'

type Options = {
  readonly rows?: number
  readonly connections?: number
  readonly seconds: number
  readonly profile?: string
}

const benches: Readonly<Record<string, (server: BenchServer, options: Options) => Promise<Report>>> = {
  ingest: (server, { rows = 20_000, connections = 2 }) => benchIngest(server, { rows, connections }),
  search: (server, { rows = 1_000_000 }) => benchSearch(server, { rows }),
  crud: (server, { rows = 1_000_000, connections = 8, seconds }) => benchCrud(server, { rows, connections, seconds }),
  mix: (server, { rows = 1_000_000, connections = 8, seconds }) => benchMix(server, { rows, connections, seconds }),
  audit: (server, { rows = 100_000, connections = 8, seconds }) => benchAudit(server, { rows, connections, seconds }),
  auth: (server, { connections = 8, seconds }) => benchAuth(server, { connections, seconds }),
}

/** Each bench has its own server and database, so that what one leaves behind does not slow down the next. */
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
  .option('--connections <count>', 'connections that work at the same time: 2 upload, 8 do everything else', count)
  .option('--seconds <count>', 'how long many work at the same time', count, 15)
  .option('--profile <folder>', "keep the server's CPU profile there")
for (const [command, names] of [
  ...Object.keys(benches).map(name => [name, [name]] as const),
  ['all', Object.keys(benches)] as const,
]) {
  program.command(command).action(() => run(names, program.opts<Options>()))
}
closeOnSignals()
await program.parseAsync()
