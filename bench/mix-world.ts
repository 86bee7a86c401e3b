import type { Api } from './api.ts'
import { loadObservations } from './million.ts'
import { buildPeople } from './people.ts'
import type { BenchServer } from './server.ts'
import { person } from './world.ts'

/** Fifty Observations each, on average; all in a study of the researcher. */
export const buildMixWorld = async (
  server: BenchServer,
  rows: number,
): Promise<{ readonly people: number; readonly importer: Api }> => {
  const importer = await server.as({ kind: 'client' }, 'system/*.cruds', { policies: ['everything'] })
  const people = Math.max(100, Math.ceil(rows / 50))
  const patients = await buildPeople(importer, server.databaseUrl, people)
  await loadObservations(importer, server.databaseUrl, { patients, rows })
  return { people, importer }
}

export const asResearcher = (server: BenchServer): Promise<Api> => server.as({ kind: 'user', person }, 'user/*.rs')
