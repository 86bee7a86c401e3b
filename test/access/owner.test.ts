import type { Resource } from '@medplum/fhirtypes'
import t from 'tap'
import { chosenOwner, inOneOf, namedOwner, ownerOf, ownerSystem, ownerTag } from '../../src/access/owner.ts'
import { FhirError } from '../../src/fhir/error.ts'

const tag = (code: string) => ({ system: ownerSystem, code })
const list: Resource = { resourceType: 'List', status: 'current', mode: 'working' }
const choosing = (code: string): Resource => ({
  ...list,
  meta: { tag: [{ system: 'urn:x', code: 'other' }, tag(code)] },
})
const patientOf = (reference: string, ...codes: readonly string[]): Resource => ({
  resourceType: 'Patient',
  managingOrganization: { reference },
  ...(codes.length > 0 && { meta: { tag: codes.map(tag) } }),
})

t.test(
  'a resource belongs to the organization that it names, else to one of its writer’s that its tag chooses',
  async t => {
    t.equal(ownerOf(patientOf('Organization/lab', 'clinic'), ['clinic']), 'lab')
    t.equal(ownerOf(choosing('lab'), ['clinic', 'lab']), 'lab')
    t.equal(ownerOf(choosing('elsewhere'), ['clinic']), 'clinic', 'a tag gives nobody what is not theirs')
    t.equal(ownerOf(list, []), null)
    const which = `Say which organization owns it: meta.tag ${ownerSystem}|clinic or lab`
    t.throws(
      () => ownerOf(choosing('elsewhere'), ['clinic', 'lab']),
      new FhirError('business-rule', which, { expression: 'List.meta.tag' }),
    )
  },
)

t.test('what names something else than an Organization of this server names no owner', async t => {
  t.equal(namedOwner(patientOf('Organization/lab')), 'lab')
  for (const reference of ['Practitioner/lab', 'https://x.example/Organization/lab', 'lab'])
    t.equal(namedOwner(patientOf(reference)), undefined, reference)
  t.equal(namedOwner({ ...list, managingOrganization: { reference: 'Organization/lab' } } as Resource), undefined)
})

t.test('what names its owner itself has no tag of one, and its own tag chooses nothing', async t => {
  t.strictSame(ownerTag(list, 'lab'), [tag('lab')])
  t.strictSame(ownerTag(list, null), [])
  t.strictSame(ownerTag(patientOf('Organization/lab'), 'lab'), [])
  t.equal(chosenOwner(choosing('lab')), 'lab')
  t.equal(chosenOwner(patientOf('Organization/lab', 'clinic')), undefined)
})

t.test(
  'on a page, of several organizations of the writer the first preferred one for which they may write is chosen',
  async t => {
    const chosen = (preferred: readonly (string | undefined)[], organizations = ['clinic', 'lab']) =>
      inOneOf(list, organizations, preferred).meta?.tag
    t.strictSame(chosen([undefined, 'elsewhere', 'lab']), [tag('lab')])
    t.strictSame(chosen(['elsewhere']), [tag('clinic')], 'never one for which they may not write')
    t.equal(chosen(['lab'], ['lab']), undefined, 'with one, nothing has to be chosen')
    t.strictSame(inOneOf(choosing('lab'), ['clinic', 'lab']), choosing('lab'), 'what is chosen already stays')
    t.strictSame(inOneOf(patientOf('Organization/lab'), ['clinic', 'lab']), patientOf('Organization/lab'))
  },
)
