import type { Observation, Provenance } from '@medplum/fhirtypes'
import { fullAccess } from '../../access/access.ts'
import { canonicalBase, extensions, standardExtensions, systems } from '../../fhir/canonical.ts'
import { extensionOf } from '../../fhir/extension.ts'
import { parseJson } from '../../fhir/json.ts'
import type { Connection } from '../database.ts'
import type { Write, Written } from '../store.ts'
import { findSelf } from './self.ts'
import { candidatesOf, insertAll, type Writing } from './write.ts'

/** Makes a Provenance for each Observation whose document was repaired: a single one with several targets would be shown to nobody. */
export const recordRepairs = async (
  connection: Connection,
  writing: Writing,
  writes: readonly Write[],
  written: readonly Written[],
): Promise<void> => {
  const repaired = writes.flatMap((write, index): readonly Repaired[] => {
    const done = written[index]
    const repairs = 'repairs' in write ? write.repairs : undefined
    if (repairs === undefined || (done?.outcome !== 'created' && done?.outcome !== 'updated')) return []
    const observation = parseJson(done.content) as Observation
    const told = repairs.filter(code => isTold(observation, code))
    return told.length === 0 ? [] : [{ id: done.id, repairs: told, observation }]
  })
  if (repaired.length === 0) return
  const who = await findSelf(connection, writing.principal)
  const recorded = new Date().toISOString()
  const ours = { ...writing, access: fullAccess, organizations: [] }
  const creates = repaired.map(one => ({ resource: provenanceOf(one, who, recorded) }))
  await insertAll(connection, ours, await candidatesOf(connection, ours, creates))
}

/** A document that came late changes only the status of what is stored, which has repairs of its own. */
const isTold = ({ extension = [] }: Observation, repair: string): boolean =>
  extension.some(
    one =>
      one.url === extensions.documentRepair &&
      one.extension?.some(part => part.url === 'code' && part.valueCode === repair),
  )

type Repaired = { readonly id: string; readonly repairs: readonly string[]; readonly observation: Observation }

/** https://hl7.org/fhir/R4/provenance.html: who sent the document, that this server read it differently, and why. */
const provenanceOf = (
  { id, repairs, observation }: Repaired,
  who: Provenance['agent'][number]['who'],
  recorded: string,
): Provenance => ({
  resourceType: 'Provenance',
  target: [{ reference: `Observation/${id}` }],
  recorded,
  reason: repairs.map(code => ({ coding: [{ system: systems.documentFinding, code }] })),
  activity: { coding: [{ system: systems.recordLifecycle, code: 'transform' }] },
  agent: [
    { type: participant('enterer'), who },
    { type: participant('assembler'), who: { display: 'This server' } },
  ],
  entity: [
    { role: 'source', what: { ...documentSent(observation), display: 'The document, byte for byte as it was sent' } },
  ],
})

const participant = (code: string) => ({
  coding: [{ system: systems.provenanceParticipant, code }],
})

const documentSent = (observation: Observation) => {
  const sent = extensionOf(observation, standardExtensions.observationValue)
  const hash = sent?.valueAttachment?.hash
  return hash === undefined ? {} : { identifier: { system: documentHash, value: hash } }
}

/** Values are Attachment.hash: SHA-1 in base64. */
const documentHash = `${canonicalBase}/document-hash`
