import t from 'tap'
import type { Access } from '../../src/access/access.ts'
import { parseJson } from '../../src/fhir/json.ts'
import { all, not } from '../../src/search/expression.ts'
import { openMatching } from '../support/matching.ts'

/** Each modifier for each type that has it, over resources that are stored and resources that are about to be. */
const { put, finds, close } = await openMatching()
t.teardown(close)

const coded = (...coding: readonly object[]) => ({ coding })
const condition = (id: string, more: object) => ({
  resourceType: 'Condition',
  id,
  subject: { reference: 'Patient/x' },
  ...more,
})
const patient = (id: string, more: object = {}) => ({ resourceType: 'Patient', id, ...more })

t.test('string: exact, and anywhere in the text', async t => {
  await put(
    patient('eve', { name: [{ family: 'Ève', given: ['Mary Ann'] }] }),
    patient('Eve', { name: [{ family: 'Eve' }] }),
    patient('evelyn', { name: [{ family: 'Evelyn', text: 'Dr. Evelyn' }] }),
    patient('severine', { name: [{ family: 'Séverine' }] }),
    patient('nobody'),
    patient('long', { name: [{ family: `${'y'.repeat(300)}steve` }] }),
  )
  await finds(t, 'Patient', {
    'family:exact=Eve': 'Eve',
    'family:exact=eve': '',
    'family:exact=Ève': 'eve',
    'family:exact=Ev': '',
    'name:exact=Mary Ann': 'eve',
    'name:exact=Mary': '',
    'family:contains=eve': 'Eve eve evelyn long severine',
    'family:contains=VÉR': 'severine',
    'name:contains=r. e': 'evelyn',
    'name:contains=ann,lyn': 'eve evelyn',
    'family:contains=_': '',
    'family:missing=true': 'nobody',
    'family:missing=false': 'Eve eve evelyn long severine',
  })
  await finds(t, 'Patient', { 'name:contains=ve&name:exact=Eve': 'Eve' })
})

t.test('token: its text', async t => {
  await put(
    condition('text', { code: { text: 'Headache, severe' } }),
    condition('display', { code: coded({ system: 'urn:s', code: '1', display: 'headache' }) }),
    condition('other', { code: coded({ system: 'urn:s', code: 'headache', display: 'Migraine with headache' }) }),
    condition('tagged', { meta: { tag: [{ system: 'urn:s', code: 't', display: 'Sensitive' }] } }),
    condition('typed', { identifier: [{ type: { text: 'Insurer number' }, value: 'Other' }] }),
    condition('signs', { code: { text: '?!' } }),
  )
  await finds(t, 'Condition', {
    'code:text=headache': 'display other text',
    'code:text=HEADÂCHE\\, sev': 'text',
    'code:text=migraine,severe': 'other text',
    'code:text=migraine,?,nothing': 'other signs',
    'code:text=?,!': 'signs',
    'code:text=eadache': '',
    '_tag:text=sens': 'tagged',
    'identifier:text=insurer': 'typed',
    'identifier:text=other': '',
    'code:not=urn:s|1': 'other signs tagged text typed',
  })
})

t.test('token: an identifier by its type', async t => {
  const type = (...codes: readonly string[]) => ({ coding: codes.map(code => ({ system: 'urn:v2-0203', code })) })
  await put(
    { resourceType: 'Practitioner', id: 'mr', identifier: [{ system: 'urn:a', type: type('MR', 'PI'), value: '446' }] },
    {
      resourceType: 'Practitioner',
      id: 'mixed',
      identifier: [
        { type: type('MR'), value: '1' },
        { type: type('PI'), value: '446' },
      ],
    },
    { resourceType: 'Practitioner', id: 'untyped', identifier: [{ value: '446' }] },
  )
  await finds(t, 'Practitioner', {
    'identifier:of-type=urn:v2-0203|MR|446': 'mr',
    'identifier:of-type=urn:v2-0203|PI|446': 'mixed mr',
    'identifier:of-type=urn:other|PI|446': '',
    'identifier:of-type=urn:v2-0203|MR|1,urn:v2-0203|MR|446': 'mixed mr',
    'identifier=446': 'mixed mr untyped',
  })
})

t.test('token: a string ignores case, a code does not', async t => {
  const valueSet = (id: string, version: string) => ({
    resourceType: 'ValueSet',
    id,
    status: 'active',
    version,
    url: 'http://x.example/v',
  })
  await put(valueSet('v1', '1.0-Beta'), valueSet('v2', '2.0'), valueSet('v3', 'ΤΕΛΟΣ'))
  await finds(t, 'ValueSet', {
    'version=1.0-BETA': 'v1',
    'version=1.0-beta,2.0': 'v1 v2',
    'version=ΤΕΛΟΣ': 'v3',
    'status=Active': '',
    'status=http://hl7.org/fhir/publication-status|active': 'v1 v2 v3',
    'status=urn:other|active': '',
    'status:not=urn:other|active': 'v1 v2 v3',
    'url=http://x.example/v|2.0': 'v2',
    'url=http://x.example/v': 'v1 v2 v3',
  })
})

t.test('token: a MIME type with or without its parameters', async t => {
  const document = (id: string, contentType: string) => ({
    resourceType: 'DocumentReference',
    id,
    status: 'current',
    content: [{ attachment: { contentType } }],
  })
  await put(document('plain', 'text/xml'), document('charset', 'text/xml; charset=UTF-8'), document('no', 'text/xmlx'))
  await finds(t, 'DocumentReference', {
    'contenttype=text/xml': 'plain',
    'contenttype:below=text/xml': 'charset plain',
  })
})

t.test('reference: by its identifier, display or type', async t => {
  const by = (id: string, subject: object) => condition(id, { subject })
  await put(
    by('r-mrn', { identifier: { system: 'urn:mrn', value: '12' }, display: 'Ann Lee' }),
    by('r-other', { identifier: { system: 'urn:other', value: '12' } }),
    by('r-bare', { identifier: { value: '12' }, reference: 'Patient/ann' }),
    by('r-group', { reference: 'Group/ann' }),
  )
  await finds(t, 'Condition', {
    'subject:identifier=urn:mrn|12': 'r-mrn',
    'subject:identifier=12': 'r-bare r-mrn r-other',
    'subject:identifier=|12': 'r-bare',
    'subject:identifier=urn:mrn|': 'r-mrn',
    'subject:text=ann': 'r-mrn',
    'subject:Patient=ann': 'r-bare',
    'subject:Group=ann': 'r-group',
    'subject=ann': 'r-bare r-group',
  })
})

t.test('reference: up and down a hierarchy', async t => {
  const location = (id: string, partOf?: string) => ({
    resourceType: 'Location',
    id,
    ...(partOf === undefined ? {} : { partOf: { reference: `Location/${partOf}` } }),
  })
  const encounter = (id: string, place: string, partOf?: string) => ({
    resourceType: 'Encounter',
    id,
    status: 'planned',
    class: { code: 'AMB' },
    location: [{ location: { reference: `Location/${place}` } }],
    ...(partOf === undefined ? {} : { partOf: { reference: `Encounter/${partOf}` } }),
  })
  await put(
    location('house', 'city'),
    location('ward', 'house'),
    location('room', 'ward/_history/1'),
    location('loop', 'loop'),
    encounter('in-house', 'house'),
    encounter('in-ward', 'ward', 'in-house'),
    encounter('in-room', 'room', 'in-ward'),
    encounter('in-loop', 'loop'),
    encounter('in-city', 'city'),
  )
  await finds(t, 'Encounter', {
    'location:below=ward': 'in-room in-ward',
    'location:below=Location/city': 'in-city in-house in-room in-ward',
    'location:below=loop': 'in-loop',
    'location:below=nowhere': '',
    'location:above=room': 'in-city in-house in-room in-ward',
    'location:above=house': 'in-city in-house',
    'location:above=room,loop': 'in-city in-house in-loop in-room in-ward',
    'part-of:above=in-ward': 'in-room in-ward',
    'part-of:below=in-house': 'in-room in-ward',
  })
  const hidden: Access = (_action, type) => (type === 'Location' ? not({ kind: 'identified', ids: ['house'] }) : all)
  await finds(
    t,
    'Encounter',
    { 'location:below=city': 'in-city', 'location:above=room': 'in-house in-room in-ward' },
    hidden,
  )
  await finds(t, 'Location', {
    '_has:Encounter:location:part-of:below=in-house': 'room ward',
    'partof:below=house': 'room ward',
    'partof:above=room': 'house room ward',
  })
})

t.test('reference: a canonical with its version', async t => {
  const answer = (id: string, questionnaire: string) => ({
    resourceType: 'QuestionnaireResponse',
    id,
    status: 'completed',
    questionnaire,
  })
  const url = 'http://x.example/q'
  await put(
    answer('any', url),
    answer('1', `${url}|1`),
    answer('1.1', `${url}|1.1`),
    answer('10', `${url}|10`),
    answer('other', `${url}z|1`),
  )
  await finds(t, 'QuestionnaireResponse', {
    [`questionnaire=${url}`]: '1 1.1 10 any',
    [`questionnaire=${url}|1`]: '1',
    [`questionnaire:below=${url}`]: '1 1.1 10 any',
    [`questionnaire:below=${url}|1`]: '1 1.1',
  })
})

t.test('uri: what begins with it, and what it begins with', async t => {
  const codeSystem = (id: string, url: string) => ({
    resourceType: 'CodeSystem',
    id,
    status: 'active',
    content: 'complete',
    url,
  })
  await put(
    codeSystem('root', 'http://acme.example/fhir/'),
    codeSystem('a', 'http://acme.example/fhir/a'),
    codeSystem('ab', 'http://acme.example/fhir/a/b'),
    codeSystem('oid', 'urn:oid:1.2'),
  )
  await finds(t, 'CodeSystem', {
    'url:below=http://acme.example/fhir/a': 'a ab',
    'url:below=http://acme.example/': 'a ab root',
    'url:above=http://acme.example/fhir/a/b/c': 'a ab root',
    'url:above=http://acme.example/fhir/a': 'a root',
    'url=http://acme.example/fhir/a': 'a',
    'url:missing=true': '',
  })
})

t.test('special: near', async t => {
  const location = (id: string, latitude: number, longitude: number) => ({
    resourceType: 'Location',
    id,
    position: { latitude, longitude },
  })
  await put(
    location('vienna', 48.2082, 16.3738),
    location('bratislava', 48.1486, 17.1077),
    location('fiji-west', -16.5, 179.95),
    location('fiji-east', -16.5, -179.95),
  )
  await finds(t, 'Location', {
    'near=48.2082|16.3738|54|km': 'vienna',
    'near=48.2082|16.3738|55|km': 'bratislava vienna',
    'near=48.2082|16.3738|35|[mi_i]': 'bratislava vienna',
    'near=48.2082|16.3738|100|m': 'vienna',
    'near=48.2082|16.3738': 'vienna',
    'near=-16.5|180|11|km': 'fiji-east fiji-west',
    'near=0|0|1|km,48.1486|17.1077|1|km': 'bratislava',
  })
  const exactly = (decimal: string) => parseJson(decimal) as number
  await put(
    location('beyond', exactly('1e400'), 0),
    location('above-the-pole', 91, 0),
    location('zero', exactly('-1e-400'), exactly('1.81e-330')),
    location('next-to-zero', exactly('1e-200'), 0),
  )
  await finds(t, 'Location', {
    'near=48.2082|16.3738|54|km': 'vienna',
    'near=0|0|1|m': 'next-to-zero zero',
    'near=0|0.00000000000000000001|1|m': 'next-to-zero zero',
    'near=90|0|1000|km': '',
  })
})
