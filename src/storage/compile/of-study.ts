import { standardExtensions } from '../../fhir/canonical.ts'
import { type Expression, none } from '../../search/expression.ts'
import { type SqlFragment, sql } from '../sql.ts'
import { type Gate, passesGate } from './gate.ts'

type OfStudy = 'ResearchSubject' | 'Consent'

/**
 * Whether the caller may see every row of the type that belongs to the study, since what the gate asks of it is decided by the study alone. That is asked once.
 * Where it does not hold, the gate is asked for each row. It never holds for more than the gate lets pass.
 */
export const passesForStudy = ({ access, classes }: Gate, type: OfStudy, study: string): SqlFragment => sql.fragment`(
  SELECT ${passesGate({ access: (action, of) => decidedByStudy(access(action, of)), classes }, 's', type, 'row')}
  FROM (
    SELECT NULL::integer AS patient_id, NULL::bigint AS pk, NULL::text AS id, NULL::timestamptz AS last_updated, NULL::text AS owner,
      NULL::integer AS author, '{}'::bigint[] AS tokens, ${JSON.stringify(belonging[type](study))}::jsonb AS content) AS row)`

/** What is left of a question without all that a row of nothing but its study cannot say: what remains holds for no more rows. */
const decidedByStudy = (asked: Expression): Expression => {
  switch (asked.kind) {
    case 'all':
    case 'staffed':
      return asked
    case 'member':
      return asked.of === 'study' ? asked : none
    case 'and':
    case 'or':
      return { kind: asked.kind, of: asked.of.map(decidedByStudy) }
    default:
      return none
  }
}

/** How a resource of the type names its study, and nothing else. */
const belonging: Readonly<Record<OfStudy, (study: string) => object>> = {
  ResearchSubject: study => ({ study: { reference: `ResearchStudy/${study}` } }),
  Consent: study => ({
    provision: {
      extension: [
        {
          url: standardExtensions.consentResearchStudyContext,
          valueReference: { reference: `ResearchStudy/${study}` },
        },
      ],
    },
  }),
}
