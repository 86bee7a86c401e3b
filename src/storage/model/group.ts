import type { Group } from '@medplum/fhirtypes'
import { FhirError } from '../../fhir/error.ts'
import { namedId } from '../../fhir/reference.ts'
import type { Connection } from '../database.ts'
import { hold } from '../hold.ts'
import { exclusive } from '../lock-keys.ts'
import { sql } from '../sql.ts'
import { each } from './projection.ts'

/** A study's Group stays with the study's organization. One that is no study's becomes that of the first study of its organization that names it. */
export const projectGroups = each<Group>(async (connection, { id, versionId, resource }) => {
  if (resource === undefined) return
  const organization = namedId(resource.managingEntity, 'Organization')
  const holder = await connection.maybeOne<{ organization: string }>(
    sql.fragment`SELECT organization FROM study WHERE group_id = ${id}`,
  )
  if (holder !== undefined && holder.organization === organization) return
  if (holder !== undefined && versionId !== '1')
    throw new FhirError('business-rule', `The Group of a study stays with Organization/${holder.organization}`, {
      expression: 'Group.managingEntity',
    })
  await holdHolders(connection, id, organization)
  await connection.run(sql.fragment`UPDATE study SET group_id = NULL WHERE group_id = ${id}`)
  if (organization !== undefined) await give(connection, id, organization)
})

const give = async (connection: Connection, id: string, organization: string): Promise<void> => {
  await connection.run(sql.fragment`
    UPDATE study SET group_id = ${id} WHERE id = (
      SELECT study.id FROM study JOIN research_study AS stored ON stored.id = study.id
      WHERE study.organization = ${organization} AND study.group_id IS NULL
        AND referenced_id(stored.content #> '{enrollment,0}', 'Group') = ${id}
      ORDER BY stored.pk LIMIT 1)`)
}

/** The study that has it, and those that it may be given to. */
const holdHolders = async (connection: Connection, id: string, organization: string | undefined): Promise<void> => {
  const studies = await connection.any<{ id: string }>(sql.fragment`
    SELECT study.id FROM study WHERE study.group_id = ${id}
    UNION
    SELECT study.id FROM study JOIN research_study AS stored ON stored.id = study.id
    WHERE study.organization = ${organization ?? null} AND study.group_id IS NULL
      AND referenced_id(stored.content #> '{enrollment,0}', 'Group') = ${id}`)
  if (studies.length > 0) await hold(connection, 'study', exclusive(studies.map(study => study.id)))
}
