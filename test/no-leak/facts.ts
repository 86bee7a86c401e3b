/** The world of the no-leak test as plain facts, from which both the resources and what each caller may see are derived. */

export const organizations: readonly (readonly [id: string, parent?: string])[] = [
  ['university'],
  ['department', 'university'],
  ['lab', 'department'],
  ['bench', 'lab'],
  ['annex', 'department'],
  ['elsewhere'],
]

export type Membership = {
  readonly practitioner: string
  readonly organization: string
  readonly role: string
  readonly ended?: true
}

export const memberships: readonly Membership[] = [
  { practitioner: 'dean', organization: 'university', role: 'manager' },
  { practitioner: 'researcher', organization: 'lab', role: 'viewer' },
  { practitioner: 'registrar', organization: 'lab', role: 'member' },
  { practitioner: 'technician', organization: 'bench', role: 'viewer' },
  { practitioner: 'neighbour', organization: 'annex', role: 'manager' },
  { practitioner: 'visitor', organization: 'elsewhere', role: 'manager' },
  { practitioner: 'former', organization: 'lab', role: 'manager', ended: true },
]

/** They are privacy officers and nothing else. */
export const officers: readonly Omit<Membership, 'role'>[] = [
  { practitioner: 'officer', organization: 'department' },
  { practitioner: 'foreign-officer', organization: 'elsewhere' },
]

/** All of them have an account; these belong to no organization. */
export const practitioners = [
  ...memberships.map(({ practitioner }) => practitioner),
  'collaborator',
  'gone',
  'keeper',
  'clinician',
  'nobody',
  ...officers.map(({ practitioner }) => practitioner),
]

export type Study = {
  readonly id: string
  readonly organization: string
  readonly access: 'organization' | 'staff'
  readonly identity: 'identified' | 'coded'
  readonly over?: true
  /** What its text promises for a withdrawal; absent: hide. */
  readonly withdrawal?: 'keep'
  readonly staff: readonly { readonly practitioner: string; readonly ended?: true }[]
  /** The recipients from elsewhere that each version of its text names; absent: one version, which leaves recipients to the study. */
  readonly texts?: readonly (readonly string[])[]
}

export const studies: readonly Study[] = [
  {
    id: 'open',
    organization: 'lab',
    access: 'organization',
    identity: 'identified',
    staff: [{ practitioner: 'collaborator' }, { practitioner: 'gone', ended: true }],
  },
  { id: 'coded', organization: 'lab', access: 'staff', identity: 'coded', staff: [{ practitioner: 'keeper' }] },
  { id: 'over', organization: 'lab', access: 'organization', identity: 'identified', over: true, staff: [] },
  { id: 'foreign', organization: 'elsewhere', access: 'organization', identity: 'coded', staff: [] },
  { id: 'keeping', organization: 'lab', access: 'organization', identity: 'identified', withdrawal: 'keep', staff: [] },
  {
    id: 'naming',
    organization: 'lab',
    access: 'staff',
    identity: 'coded',
    staff: [{ practitioner: 'clinician' }, { practitioner: 'gone' }],
    texts: [['clinician'], ['clinician', 'gone']],
  },
]

export type Permit = {
  readonly kind: string
  readonly source?: string
  readonly from?: string
  /** The last day. */
  readonly to?: string
  /** Access under it has ended. */
  readonly over?: true
}

export type Consent = {
  readonly patient: string
  readonly to: `ResearchStudy/${string}` | `Organization/${string}` | `Practitioner/${string}`
  readonly status: 'proposed' | 'active' | 'rejected' | 'inactive'
  readonly permits: readonly Permit[]
  /** Types of other resources; only resources with a known time since February. */
  readonly types?: readonly string[]
  readonly denies?: string
  /** Which version of the study's texts was signed, from 0, if there are several. */
  readonly text?: number
  /** Made inactive once everything was stored that is not `late`. */
  readonly withdrawn?: true
}

export const heartRate = 'omh:heart-rate'
export const weight = 'omh:body-weight'
export const pressure = 'omh:blood-pressure'

const toOpen = 'ResearchStudy/open' as const
const hearts = [{ kind: heartRate, from: '2026-02-01' }] as const

export const consents: readonly Consent[] = [
  {
    patient: 'ann',
    to: toOpen,
    status: 'active',
    permits: [
      { kind: heartRate, from: '2026-02-01', to: '2026-03-31' },
      { kind: weight, source: 'acme', from: '2026-01-01' },
    ],
    types: ['Condition', 'QuestionnaireResponse'],
  },
  { patient: 'bob', to: toOpen, status: 'proposed', permits: hearts, types: ['Condition'] },
  { patient: 'cat', to: toOpen, status: 'rejected', permits: hearts, types: ['Condition'] },
  { patient: 'dan', to: toOpen, status: 'inactive', permits: hearts, types: ['Condition'] },
  { patient: 'eve', to: toOpen, status: 'active', permits: [{ kind: heartRate, from: '2026-02-01', over: true }] },
  { patient: 'fay', to: toOpen, status: 'active', permits: hearts },
  { patient: 'lou', to: toOpen, status: 'active', permits: [...hearts, { kind: weight }], denies: heartRate },
  { patient: 'pat', to: toOpen, status: 'active', permits: hearts },
  { patient: 'hal', to: 'ResearchStudy/coded', status: 'active', permits: hearts },
  { patient: 'ida', to: 'ResearchStudy/over', status: 'active', permits: hearts },
  { patient: 'jon', to: 'ResearchStudy/foreign', status: 'active', permits: hearts },
  {
    patient: 'may',
    to: 'ResearchStudy/keeping',
    status: 'active',
    permits: hearts,
    types: ['Condition'],
    withdrawn: true,
  },
  { patient: 'gil', to: 'ResearchStudy/naming', status: 'active', permits: hearts, text: 0 },
  { patient: 'ida', to: 'ResearchStudy/naming', status: 'active', permits: hearts, text: 1 },
  { patient: 'kim', to: 'Practitioner/clinician', status: 'active', permits: hearts, types: ['Condition'] },
  { patient: 'kim', to: 'Organization/annex', status: 'active', permits: [{ kind: weight }] },
]

export const enrolments: readonly { readonly patient: string; readonly study: string; readonly ended?: true }[] = [
  ...['ann', 'bob', 'cat', 'dan', 'eve', 'lou', 'pat'].map(patient => ({ patient, study: 'open' })),
  { patient: 'fay', study: 'open', ended: true },
  { patient: 'hal', study: 'coded' },
  { patient: 'ida', study: 'over' },
  { patient: 'jon', study: 'foreign' },
  { patient: 'may', study: 'keeping' },
  { patient: 'gil', study: 'naming' },
  { patient: 'ida', study: 'naming' },
]

export const patients: readonly (readonly [id: string, organization: string])[] = [
  ...['ann', 'bob', 'cat', 'dan', 'eve', 'fay', 'gil', 'hal', 'ida', 'kim', 'lou', 'may'].map(
    id => [id, 'lab'] as const,
  ),
  ['jon', 'elsewhere'],
  ['pat', 'lab'],
  ['pat-elsewhere', 'elsewhere'],
]

/** Patients to whom one account is linked. */
export const joined: readonly string[] = ['pat', 'pat-elsewhere']

export const isOneHuman = (one: string, other: string): boolean =>
  one === other || (joined.includes(one) && joined.includes(other))

export type Measured = {
  readonly id: string
  readonly patient: string
  /** All kinds for which it needs a consent; empty: a code that belongs to no kind. */
  readonly kinds: readonly string[]
  /** How the first kind is written, if not in the usual way. */
  readonly spelled?: readonly [system: string | undefined, code: string]
  /** The physical device, `patient-source`, or a source itself. */
  readonly device?: string
  readonly source?: string
  /** First and last day; absent: not known. */
  readonly days?: readonly [string, string] | undefined
  /** It ends with the first moment of the day after the last, as totals of days do, or as many ms after it; absent: it is of days. */
  readonly endsAfterMs?: number
  readonly derivedFrom?: readonly string[]
  /** Stored after the withdrawals. */
  readonly late?: true
}

/** The codes by which one measure is known: of https://w3id.org/openmhealth and others. */
export const spellings: readonly (readonly [system: string | undefined, code: string])[] = [
  ['http://loinc.org', '8867-4'],
  ['https://w3id.org/openmhealth', 'omh:heart-rate:2.0'],
  ['https://w3id.org/openmhealth', 'omh:heart-rate'],
  ['http://snomed.info/sct', '78564009'],
  ['http://purl.bioontology.org/ontology/SNOMEDCT', '78564009'],
]

const march: Measured['days'] = ['2026-03-01', '2026-03-01']
const anns = (id: string, kinds: readonly string[], more: Partial<Measured> = {}): Measured => ({
  id: `ann-${id}`,
  patient: 'ann',
  kinds,
  days: march,
  ...more,
})
const acme = { device: 'ann-acme', source: 'acme' }

export const observations: readonly Measured[] = [
  ...spellings.map((spelled, index) => anns(`heart-${index}`, [heartRate], { spelled, ...acme })),
  anns('early', [heartRate], { days: ['2026-01-31', '2026-01-31'] }),
  anns('late', [heartRate], { days: ['2026-04-01', '2026-04-01'] }),
  anns('last-day', [heartRate], { days: ['2026-03-31', '2026-03-31'] }),
  anns('half-outside', [heartRate], { days: ['2026-03-30', '2026-04-02'] }),
  anns('total-of-last-day', [heartRate], { days: ['2026-03-31', '2026-03-31'], endsAfterMs: 0 }),
  anns('total-and-weight', [heartRate, weight], { days: ['2026-03-31', '2026-03-31'], endsAfterMs: 0, ...acme }),
  anns('total-and-more', [heartRate], { days: ['2026-03-31', '2026-03-31'], endsAfterMs: 1 }),
  anns('total-of-day-before', [heartRate], { days: ['2026-01-31', '2026-01-31'], endsAfterMs: 0 }),
  anns('derived-from-total', [heartRate], { derivedFrom: ['ann-total-of-last-day'] }),
  anns('derived-from-more', [heartRate], { derivedFrom: ['ann-total-and-more'] }),
  anns('timeless', [heartRate], { days: undefined }),
  anns('weight-acme', [weight], acme),
  anns('weight-other', [weight], { device: 'ann-other', source: 'other' }),
  anns('weight-unknown', [weight]),
  anns('weight-of-another', [weight], { device: 'bob-acme' }),
  anns('pressure', [pressure], acme),
  anns('of-no-kind', [], { spelled: ['http://loinc.org', '11450-4'] }),
  anns('heart-and-pressure', [heartRate, pressure]),
  anns('heart-and-weight', [heartRate, weight], acme),
  anns('derived', [heartRate], { derivedFrom: ['ann-heart-0'] }),
  anns('derived-hidden', [heartRate], { derivedFrom: ['ann-heart-0', 'ann-pressure'] }),
  anns('derived-twice', [heartRate], { derivedFrom: ['ann-derived-hidden'] }),
  anns('derived-unknown', [heartRate], { derivedFrom: ['nothing-known'] }),
  { id: 'may-late', patient: 'may', kinds: [heartRate], days: march, late: true },
  anns('derived-of-another', [heartRate], { derivedFrom: ['jon-heart'] }),
  ...patients.flatMap(([patient]) =>
    patient === 'ann'
      ? []
      : [
          { id: `${patient}-heart`, patient, kinds: [heartRate], days: march, device: 'acme', source: 'acme' },
          { id: `${patient}-weight`, patient, kinds: [weight], days: march },
        ],
  ),
]
