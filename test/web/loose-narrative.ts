import type { ResourceType } from '@medplum/fhirtypes'
import type { Database } from '../../src/storage/database.ts'
import { tableOf } from '../../src/storage/row.ts'
import { sql } from '../../src/storage/sql.ts'

/** Gives the resource a narrative with its own words, as it could be stored before narratives had to be XML. */
export const looseNarrative = async (database: Database, type: ResourceType, id: string) => {
  const text = { status: 'additional', div: '<div xmlns="http://www.w3.org/1999/xhtml">Of&nbsp;old</div>' }
  await database.run(sql.fragment`
    UPDATE ${tableOf(type)} SET content = jsonb_set(content, '{text}', ${JSON.stringify(text)}::jsonb) WHERE id = ${id}`)
  return text
}
