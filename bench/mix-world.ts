import type { Api } from './api.ts'
import { loadObservations } from './million.ts'
import { buildPeople } from './people.ts'
import type { BenchServer } from './server.ts'
import { person } from './world.ts'

/** People with fifty Observations each, on average, all in a study of the researcher. */
export const buildMixWorld = async (server: BenchServer, rows: number): Promise<{ readonly people: number }> => {
  const importer = await asImporter(server)
  const people = Math.max(100, Math.ceil(rows / 50))
  const patients = await buildPeople(importer, server.databaseUrl, people)
  await loadObservations(importer, server.databaseUrl, { patients, rows })
  importer.close()
  return { people }
}

export const asImporter = (server: Pick<BenchServer, 'as'>): Promise<Api> =>
  server.as({ kind: 'client' }, 'system/*.cruds', { policies: ['everything'] })

export const asResearcher = (server: Pick<BenchServer, 'as'>): Promise<Api> =>
  server.as({ kind: 'user', person }, 'user/*.rs')
