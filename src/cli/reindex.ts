import { SingleBar } from 'cli-progress'
import type { Command } from 'commander'
import { readConfig } from '../config.ts'
import { openCodeClasses } from '../fhir/measured/code-class.ts'
import { loadRegistry } from '../fhir/registry.ts'
import { openDatabase } from '../storage/database.ts'
import { type Progress, reindex } from '../storage/installation/reindex.ts'
import { migrate } from '../storage/postgres/migrate.ts'
import { openPostgresBeside } from '../storage/postgres/postgres.ts'
import { inOneLine } from './own-database.ts'

/** Needed if code classes, kinds or search parameters have changed since the data was stored. */
export const reindexCommand = (program: Command): void => {
  program
    .command('reindex')
    .description('rebuild, from the stored resources, everything else that searches and consents look up')
    .action(async () => {
      const postgres = await openPostgresBeside(readConfig(), () => {})
      try {
        await migrate(postgres.url, () => {})
        const done = await reindexAt(postgres.url).catch(inOneLine)
        process.stdout.write(`${done} resources\n`)
      } finally {
        await postgres.close()
      }
    })
}

const reindexAt = async (url: string): Promise<number> => {
  const database = openDatabase(url, { poolSize: 2, statementTimeoutMs: 0 })
  const dictionaryConnection = openDatabase(url, { poolSize: 1 })
  const bar = new SingleBar({ format: '{bar} {value} of {total} resources', hideCursor: true })
  const onProgress = ({ done, total }: Progress) => {
    if (!bar.isActive) bar.start(total, 0)
    bar.update(done)
  }
  try {
    const [registry, classes] = [loadRegistry(), openCodeClasses()]
    return await reindex({ database, dictionaryConnection, registry, classes, onProgress })
  } finally {
    bar.stop()
    await Promise.all([database.close(), dictionaryConnection.close()])
  }
}
