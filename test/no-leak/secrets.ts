import type { ResourceType } from '@medplum/fhirtypes'
import type { CallerRow } from './callers.ts'
import { reads } from './expected.ts'
import { joined, observations } from './facts.ts'
import type { World } from './world.ts'

/** Something that not everybody may know. */
export type Secret = {
  readonly type: ResourceType
  readonly id: string
  readonly isReadBy: (caller: CallerRow) => boolean
}

const ann = ['ann', 'person-ann']
const tree = ['dean', 'researcher', 'registrar', 'technician', 'neighbour']
const members = ['researcher', 'registrar']
const openStaff = [...members, 'technician', 'collaborator', 'client-of-lab', 'the researcher, narrowed to open']
const codedStaff = ['keeper', 'client-of-lab', 'client-of-lab, narrowed to coded']
const labPatients = [...ann, 'bob', 'cat', 'dan', 'eve', 'fay', 'gil', 'hal', 'ida', 'kim', 'lou', 'may', ...joined]
const self = ['the researcher, narrowed to open', 'the researcher, narrowed to coded']

/** MODEL "Who reads", row by row; `everything` reads all. Resources in ann's compartment are marked. */
const readersById: readonly (readonly [id: string, readers: readonly string[], compartment?: 'ann'])[] = [
  ['Patient/ann', [...ann, ...openStaff], 'ann'],
  ['Patient/bob', ['bob', ...members]],
  ['Patient/fay', ['fay', ...members]],
  ['Patient/hal', ['hal', ...members]],
  ['Patient/ida', ['ida', ...members]],
  ['Patient/may', ['may', ...members]],
  ['Patient/jon', ['jon', 'visitor']],
  ['Patient/pat', [...joined, ...openStaff]],
  ['Patient/pat-elsewhere', [...joined, 'visitor']],
  // The dean manages the organization above the lab, and so reads the definition of a study, but nothing of who is in it.
  ['ResearchStudy/open', ['dean', ...openStaff, ...ann, 'bob', 'cat', 'dan', 'eve', 'fay', 'lou', ...joined]],
  ['ResearchStudy/coded', ['dean', ...codedStaff, ...members, 'technician', 'hal']],
  ['ResearchStudy/foreign', ['visitor', 'jon', 'client-of-elsewhere']],
  ['ResearchStudy/naming', ['dean', 'clinician', 'gone', 'client-of-lab', ...members, 'technician', 'gil', 'ida']],
  ['Group/group-open', ['dean', ...openStaff]],
  ['Group/group-coded', ['dean', ...codedStaff, ...members, 'technician']],
  ['Group/group-foreign', ['visitor', 'client-of-elsewhere']],
  ['ResearchSubject/open-ann', [...ann, ...openStaff], 'ann'],
  ['ResearchSubject/coded-hal', ['hal', 'registrar', ...codedStaff]],
  ['ResearchSubject/naming-gil', ['gil', 'registrar', 'clinician', 'client-of-lab']],
  ['ResearchSubject/naming-ida', ['ida', 'registrar', 'clinician', 'gone', 'client-of-lab']],
  ['ResearchSubject/foreign-jon', ['jon', 'visitor', 'client-of-elsewhere']],
  ['Consent/consent-open-ann', [...ann, ...openStaff], 'ann'],
  ['Consent/consent-open-cat', ['cat', ...openStaff]],
  ['Consent/consent-coded-hal', ['hal', ...codedStaff]],
  ['Consent/consent-naming-gil', ['gil', 'clinician', 'client-of-lab']],
  ['Consent/consent-naming-ida', ['ida', 'clinician', 'gone', 'client-of-lab']],
  ['Consent/consent-annex-kim', ['kim', 'neighbour']],
  ['Consent/consent-clinician-kim', ['kim', 'clinician']],
  ['Device/ann-acme', [...ann, ...openStaff], 'ann'],
  ['Device/bob-acme', ['bob']],
  ['Device/jon-acme', ['jon', 'visitor', 'client-of-elsewhere']],
  ['Practitioner/researcher', [...tree, 'administrator']],
  ['Practitioner/visitor', ['visitor', 'administrator']],
  // The dean says who is staff there, and reads who that is.
  ['Practitioner/keeper', ['dean', ...codedStaff, 'hal', 'administrator']],
  ['Practitioner/clinician', ['dean', 'kim', 'gil', 'ida', 'clinician', 'gone', 'client-of-lab', 'administrator']],
  ['PractitionerRole/visitor-elsewhere', ['visitor', 'administrator']],
  ['PractitionerRole/dean-university', [...tree, 'administrator']],
  [
    'Organization/lab',
    [
      ...tree,
      ...labPatients,
      ...codedStaff,
      'collaborator',
      'clinician',
      'gone',
      'the researcher, narrowed to open',
      'administrator',
    ],
  ],
  ['Organization/elsewhere', ['visitor', 'jon', ...joined, 'client-of-elsewhere', 'administrator']],
  ['Person/person-researcher', ['researcher', ...self, 'administrator']],
  ['Person/person-ann', ['person-ann']],
  ['Person/person-pat', []],
  ['ResearchSubject/open-pat', [...joined, ...openStaff]],
  ['Consent/consent-open-pat', [...joined, ...openStaff]],
  ['Provenance/of-consent', [...ann, ...openStaff]],
  ['Provenance/of-shown', [...ann, ...openStaff]],
  ['Provenance/of-hidden', ann],
  ['Provenance/of-both', []],
  ['Binary/in-context', [...ann, ...openStaff]],
  ['Binary/in-hidden-context', ann],
  ['Binary/in-foreign-context', ['jon', 'visitor']],
  ['Binary/in-no-known-context', []],
  ['List/of-nobody', []],
  ['Condition/ann-own', ann, 'ann'],
  ['Condition/ann-named', [...ann, ...openStaff], 'ann'],
  ['Condition/ann-early', ann, 'ann'],
  ['Condition/bob-named', ['bob']],
  ['Condition/cat-named', ['cat']],
  ['Condition/dan-named', ['dan']],
  ['Condition/may-named', ['may', ...members, 'technician', 'client-of-lab']],
  ['Condition/gil-named', ['gil']],
  ['Condition/kim-named', ['kim', 'clinician']],
  ['QuestionnaireResponse/ann-answers', [...ann, ...openStaff], 'ann'],
  ['Procedure/ann-unnamed', ann, 'ann'],
  ['Provenance/of-answers', [...ann, ...openStaff]],
  ['AuditEvent/about-ann', ann],
  ['AuditEvent/about-two', []],
  ['AuditEvent/in-lab', [...ann, 'officer']],
  ['AuditEvent/in-lab-about-two', ['officer']],
  ['AuditEvent/in-elsewhere', ['jon', 'foreign-officer']],
  ['AuditEvent/in-university', []],
]

/** Made by a member of the lab. */
const readersByOwnedType: Readonly<Record<string, readonly string[]>> = {
  Condition: [...ann, ...members],
  Questionnaire: members,
  Basic: members,
  List: members,
  Binary: members,
  Subscription: ['registrar'],
}

export const secretsOf = ({ owned, decisions, uploaded, described }: World): readonly Secret[] => [
  ...observations.map(
    (observation): Secret => ({
      type: 'Observation',
      id: observation.id,
      isReadBy: ({ reader, lets }) =>
        reads(reader, observation) &&
        (lets?.patient === undefined || lets.patient === observation.patient) &&
        (lets?.kinds === undefined || lets.kinds.includes(observation.kinds[0] ?? '')),
    }),
  ),
  ...readersById.map(([path, readers, compartment]) => {
    const [type = '', id = ''] = path.split('/')
    return { type: type as ResourceType, id, isReadBy: isAmong(readers, compartment) }
  }),
  ...decisions.map(id => ({ type: 'Provenance' as const, id, isReadBy: isAmong([...ann, ...openStaff], undefined) })),
  { type: 'Provenance', id: uploaded.provenance, isReadBy: isAmong([...joined, ...openStaff], undefined) },
  { type: 'Device', id: described.shown, isReadBy: isAmong(['lou', ...openStaff], undefined) },
  { type: 'Device', id: described.hidden, isReadBy: isAmong(['lou'], undefined) },
  ...owned.map(({ resourceType, id = '' }) => ({
    type: resourceType,
    id,
    isReadBy: isAmong(readersByOwnedType[resourceType] ?? [], resourceType === 'Condition' ? 'ann' : undefined),
  })),
]

/** A narrower token of the researcher reads what it allows of what the researcher reads. */
const isAmong =
  (readers: readonly string[], compartment: string | undefined) =>
  ({ name, reader, lets }: CallerRow): boolean => {
    if (reader.kind === 'everything' || readers.includes(name)) return true
    if (lets?.all !== true && lets?.patient === undefined) return false
    return (
      reader.kind === 'practitioner' &&
      readers.includes(reader.id) &&
      (lets.patient === undefined || lets.patient === compartment)
    )
  }
