import type { ElementDefinition, StructureDefinition } from './structure.ts'

/**
 * A definition as HL7 publishes it in R4: the ones that we get also have elements of Medplum's own and of later editions, and define a few of R4
 * differently. Differences that only correct an expression of R4 are left. https://hl7.org/fhir/R4/resourcelist.html
 */
export const asPublished = (definition: StructureDefinition): StructureDefinition => {
  const element = definition.snapshot.element
    .filter(({ path }) => !notPublished.some(one => path === one || path.startsWith(`${one}.`)))
    .map(one => ({ ...one, ...publishedOtherwise[one.path] }))
  const at = element.findIndex(({ path }) => path === `${characteristic}.modifierExtension`)
  return { ...definition, snapshot: { element: at < 0 ? element : element.toSpliced(at + 1, 0, ...ofCharacteristic) } }
}

const characteristic = 'EvidenceVariable.characteristic'

/** Elements that are dropped with all that is below them. Of an element that is defined anew below, all children are dropped. */
const notPublished: readonly string[] = [
  ...['project', 'author', 'onBehalfOf', 'account', 'accounts', 'compartment', 'deleted'].map(one => `Meta.${one}`),
  'Binary.url',
  'DeviceDefinition.bodySite',
  'DeviceDefinition.classification',
  ...['linkId', 'description', 'note', 'exclude', 'instances[x]', 'duration[x]', 'timeFromEvent'].map(
    one => `${characteristic}.${one}`,
  ),
  ...['Reference', 'Canonical', 'CodeableConcept', 'Expression', 'Id', 'ByTypeAndValue', 'ByCombination'].map(
    one => `${characteristic}.definition${one}`,
  ),
  'HealthcareService.offeredIn',
  'ObservationDefinition.publisher',
  ...['name', 'label', 'studyDesign', 'region', 'descriptionSummary', 'classifier', 'associatedParty'].map(
    one => `ResearchStudy.${one}`,
  ),
  ...['progressStatus', 'whyStopped', 'recruitment', 'comparisonGroup', 'outcomeMeasure', 'result'].map(
    one => `ResearchStudy.${one}`,
  ),
  'ResearchStudy.objective.description',
]

const once = { min: 0, max: '1', base: { max: '1' } } as const

const referenceTo = (...types: readonly string[]) => [
  { code: 'Reference', targetProfile: types.map(type => `http://hl7.org/fhir/StructureDefinition/${type}`) },
]

const agents = ['PractitionerRole', 'Practitioner', 'Organization', 'Device', 'Patient', 'RelatedPerson'] as const

const publishedOtherwise: Readonly<Record<string, Partial<ElementDefinition>>> = {
  'AuditEvent.agent.who': { type: referenceTo(...agents) },
  'AuditEvent.source.observer': { type: referenceTo(...agents) },
  'Bundle.entry.response.outcome': { type: [{ code: 'Resource' }] },
  'DetectedIssue.status': {
    binding: { strength: 'required', valueSet: 'http://hl7.org/fhir/ValueSet/observation-status' },
  },
  [characteristic]: { min: 1, constraint: [] },
  'MeasureReport.subject': {
    type: referenceTo('Patient', 'Practitioner', 'PractitionerRole', 'Location', 'Device', 'RelatedPerson', 'Group'),
  },
  'ResearchStudy.site': { type: referenceTo('Location') },
}

const ofCharacteristic: readonly ElementDefinition[] = [
  { ...once, path: `${characteristic}.description`, type: [{ code: 'string' }] },
  {
    ...once,
    path: `${characteristic}.definition[x]`,
    min: 1,
    isSummary: true,
    type: [
      ...referenceTo('Group'),
      { code: 'canonical', targetProfile: ['http://hl7.org/fhir/StructureDefinition/ActivityDefinition'] },
      ...['CodeableConcept', 'Expression', 'DataRequirement', 'TriggerDefinition'].map(code => ({ code })),
    ],
  },
  { path: `${characteristic}.usageContext`, min: 0, max: '*', base: { max: '*' }, type: [{ code: 'UsageContext' }] },
  { ...once, path: `${characteristic}.exclude`, type: [{ code: 'boolean' }] },
  {
    ...once,
    path: `${characteristic}.participantEffective[x]`,
    type: ['dateTime', 'Period', 'Duration', 'Timing'].map(code => ({ code })),
  },
  { ...once, path: `${characteristic}.timeFromStart`, type: [{ code: 'Duration' }] },
  {
    ...once,
    path: `${characteristic}.groupMeasure`,
    type: [{ code: 'code' }],
    binding: { strength: 'required', valueSet: 'http://hl7.org/fhir/ValueSet/group-measure' },
  },
]
