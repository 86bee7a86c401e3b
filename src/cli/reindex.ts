import type { Resource } from '@medplum/fhirtypes'
import { SingleBar } from 'cli-progress'
import type { Command } from 'commander'
import { type Config, readConfig } from '../config.ts'
import { inSteps } from '../fhir/give-way.ts'
import { openCodeClasses } from '../fhir/measured/code-class.ts'
import { loadRegistry } from '../fhir/registry.ts'
import { openMhealth } from '../mhealth/mhealth.ts'
import { openDatabase } from '../storage/database.ts'
import { type Progress, reindex } from '../storage/installation/reindex.ts'
import { migrate } from '../storage/postgres/migrate.ts'
import { openPostgresBeside } from '../storage/postgres/postgres.ts'
import { inOneLine } from './own-database.ts'

/** Needed if code classes, kinds, search parameters or the derivation from documents have changed since the data was stored. */
export const reindexCommand = (program: Command): void => {
  program
    .command('reindex')
    .description(
      'rebuild, from the stored resources, everything else that searches and consents look up, and derive again from documents',
    )
    .action(async () => {
      const config = readConfig()
      const postgres = await openPostgresBeside(config, () => {})
      try {
        await migrate(postgres.url, () => {})
        const { done, derived } = await reindexAt(postgres.url, config).catch(inOneLine)
        const anew = derived === 0 ? '' : `, ${derived} Observations of which were derived from their documents anew`
        process.stdout.write(`${done} resources${anew}\n`)
      } finally {
        await postgres.close()
      }
    })
}

const reindexAt = async (url: string, { omhSchemaDir }: Pick<Config, 'omhSchemaDir'>): Promise<Progress> => {
  const database = openDatabase(url, { poolSize: 2, statementTimeoutMs: 0 })
  const dictionaryConnection = openDatabase(url, { poolSize: 1 })
  const bar = new SingleBar({ format: '{bar} {value} of {total} resources', hideCursor: true })
  const onProgress = ({ done, total }: Progress) => {
    if (!bar.isActive) bar.start(total, 0)
    bar.update(done)
  }
  try {
    const [registry, classes] = [loadRegistry(), openCodeClasses()]
    const mhealth = openMhealth({ codeClasses: classes, ...(omhSchemaDir && { schemaDir: omhSchemaDir }) })
    const derivedAnew = (observation: Resource) => inSteps(mhealth.derivedAnew(observation))
    const derivation = { derivedAnew, mapVersion: mhealth.mapVersion }
    return await reindex({ database, dictionaryConnection, registry, classes, derivation, onProgress })
  } finally {
    bar.stop()
    await Promise.all([database.close(), dictionaryConnection.close()])
  }
}
