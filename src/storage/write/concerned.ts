import { granteeOf } from '../../access/consent.ts'
import { namedId } from '../../fhir/reference.ts'
import { type Gate, passesGate } from '../compile/gate.ts'
import type { Connection } from '../database.ts'
import type { Planned } from '../planned.ts'
import { columnOf, sql } from '../sql.ts'

/** Beside what is written itself: whose turns are taken for it, and which places and studies are held. */
export type Concerned = {
  readonly patients: readonly number[]
  /** Ids of their ResearchSubjects. */
  readonly places: readonly string[]
  readonly studies: readonly string[]
  /** Of the studies, those that change. */
  readonly changed: readonly string[]
}

/**
 * As it stands before it is written. What turns out otherwise is then held out of turn, and so is what the writer may not know, or change: if they name
 * it, they are refused when its turn comes, and hold up nobody until then. `newPatients`: the numbers of those whom nobody else knows yet.
 */
export const concernedBy = async (
  connection: Connection,
  gate: Gate,
  planned: readonly Planned[],
  newPatients: ReadonlySet<number> = new Set(),
): Promise<Concerned> => {
  const named = planned.map(asNamed)
  if (!named.some(one => Object.keys(one).length > 0)) return { patients: [], places: [], studies: [], changed: [] }
  const of = (which: Exclude<keyof Named, 'move'>) =>
    sql.array(
      named.flatMap(one => one[which] ?? []),
      'text',
    )
  const moves = named.flatMap(({ move }) => move ?? [])
  const rows = await connection.any<{ what: keyof Concerned; key: string }>(sql.fragment`
    WITH written AS MATERIALIZED (
      SELECT identity.patient_id, type.name AS type, identity.id FROM resource_identity AS identity
      JOIN resource_type AS type USING (type_id)
      WHERE type.name = 'Consent' AND identity.id = ANY(${of('consents')})
        OR type.name = 'ResearchSubject' AND identity.id = ANY(${of('subjects')})
    ),
    person AS MATERIALIZED (
      SELECT patient_id FROM (
        SELECT patient_id FROM patient_compartment WHERE id = ANY(${of('patients')})
        UNION
        SELECT patient_id FROM written WHERE patient_id > 0) AS known
      WHERE NOT patient_id = ANY(${sql.array([...newPatients], 'int4')})
        AND EXISTS (
          SELECT FROM patient AS row WHERE row.patient_id = known.patient_id AND ${passesGate(gate, 'r', 'Patient', 'row')})
    ),
    own AS MATERIALIZED (SELECT written.* FROM written JOIN person USING (patient_id))
    SELECT 'patients' AS what, patient_id::text AS key FROM person
    UNION SELECT 'places', enrolment.id FROM enrolment JOIN person USING (patient_id)
    UNION SELECT 'studies', id FROM research_study AS row
      WHERE id = ANY(${of('studies')}) AND ${passesGate(gate, 'r', 'ResearchStudy', 'row')}
    UNION SELECT 'studies', enrolment.study_id FROM own JOIN enrolment USING (patient_id, id) WHERE own.type = 'ResearchSubject'
    UNION SELECT 'studies', study.id FROM own
      JOIN consent_grantee AS given ON given.patient_id = own.patient_id AND given.consent_id = own.id
      JOIN study ON study.grantee = given.grantee WHERE own.type = 'Consent'
    UNION SELECT 'changed', study.id FROM study JOIN research_study AS row ON row.id = study.id
      WHERE (study.id = ANY(${of('changed')}) OR study.group_id = ANY(${of('groups')}))
        AND ${passesGate(gate, 'u', 'ResearchStudy', 'row')}
    UNION SELECT 'changed', study.id
      FROM unnest(${columnOf(moves, ({ id }) => id, 'text')}, ${columnOf(moves, ({ parent }) => parent, 'text')}) AS move(id, parent)
      JOIN organization_ancestor AS tree ON tree.organization = move.parent
      JOIN study ON study.organization = tree.ancestor
      WHERE NOT EXISTS (
        SELECT FROM organization_ancestor AS before
        WHERE before.organization = move.id AND before.ancestor = study.organization)`)
  const keysOf = (what: keyof Concerned) => rows.flatMap(row => (row.what === what ? row.key : []))
  const changed = keysOf('changed')
  return {
    patients: keysOf('patients').map(Number),
    places: keysOf('places'),
    studies: [...new Set([...keysOf('studies'), ...changed])],
    changed,
  }
}

/** Ids. */
type Named = {
  readonly patients?: string | undefined
  readonly consents?: string | undefined
  readonly subjects?: string | undefined
  readonly studies?: string | undefined
  readonly changed?: string | undefined
  readonly groups?: string | undefined
  readonly move?: { readonly id: string; readonly parent: string } | undefined
}

/** What a transaction brings is not valid yet, and may be of any shape: then it is refused when its turn comes. */
const asNamed = (planned: Planned): Named => {
  try {
    return namedIn(planned)
  } catch (error) {
    if (error instanceof TypeError) return {}
    throw error
  }
}

const namedIn = ({ type, id, resource }: Planned): Named => {
  switch (type) {
    case 'Patient':
      return { patients: id }
    case 'ResearchStudy':
      return { changed: id }
    case 'Group':
      return { groups: id }
    case 'Organization':
      return resource?.resourceType === 'Organization' ? moveOf(id ?? '', namedId(resource.partOf, 'Organization')) : {}
    case 'ResearchSubject':
      return {
        subjects: id,
        ...(resource?.resourceType === 'ResearchSubject' && {
          patients: namedId(resource.individual, 'Patient'),
          studies: namedId(resource.study, 'ResearchStudy'),
        }),
      }
    case 'Consent': {
      if (resource?.resourceType !== 'Consent') return { consents: id }
      const grantee = granteeOf(resource)
      return {
        consents: id,
        patients: namedId(resource.patient, 'Patient'),
        studies: grantee?.kind === 'study' ? grantee.id : undefined,
      }
    }
    default:
      return {}
  }
}

const moveOf = (id: string, parent: string | undefined): Named => (parent === undefined ? {} : { move: { id, parent } })
