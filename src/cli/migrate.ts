import type { Command } from 'commander'
import { readConfig } from '../config.ts'
import { logEvents, openLog } from '../events/log.ts'
import { migrate } from '../storage/postgres/migrate.ts'
import { openPostgres } from '../storage/postgres/postgres.ts'

export const migrateCommand = (program: Command): void => {
  program
    .command('migrate')
    .description('bring the database to the state that this version needs, and end; serve does the same first')
    .action(async () => {
      const config = readConfig()
      const tell = logEvents(openLog(config.logLevel))
      const postgres = await openPostgres(config, tell)
      await migrate(postgres.url, tell).finally(postgres.close)
      tell({ kind: 'database-migrated' })
    })
}
