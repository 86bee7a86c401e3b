import type { ContactDetail, ResearchStudy } from '@medplum/fhirtypes'
import t from 'tap'
import { factProblems, factsOf, type StudyFacts, withFacts } from '../../../src/studies/definition/study-facts.ts'

const approval = { use: 'official', type: { text: 'Approval number' }, value: 'EK 12/2026' } as const
const registered = { system: 'https://clinicaltrials.gov', value: 'NCT1' }
const second: ContactDetail = { name: 'Second', telecom: [{ system: 'email', value: 'second@lab.example' }] }
const study: ResearchStudy = {
  resourceType: 'ResearchStudy',
  status: 'active',
  language: 'en',
  title: 'Sleep',
  description: 'What wakes people',
  identifier: [registered, approval],
  period: { start: '2026-02', end: '2026-03-31T12:00:00Z' },
  contact: [
    {
      name: 'Dr. Brandt',
      telecom: [
        { system: 'fax', value: '1' },
        { system: 'phone', use: 'work', value: '+1 500 555 0006' },
        { system: 'phone', use: 'mobile', value: '+1 500 555 0007' },
      ],
    },
    second,
  ],
}
const facts = factsOf(study)

const invisible = 'There are characters in it that cannot be seen, which may have been copied along. Type it instead'

t.test('a study says its facts as they are typed: days, and its first contact with one number', async t => {
  const { 'title-es': _, 'purpose-es': __, ...said } = facts
  t.has(said, {
    title: 'Sleep',
    purpose: 'What wakes people',
    approval: 'EK 12/2026',
    start: '2026-02-01',
    end: '2026-03-31',
    contact: 'Dr. Brandt',
    email: '',
    phone: '+1 500 555 0006',
  })
})

t.test('a study that says nothing has empty facts, and takes the first ones that are typed', async t => {
  const bare: ResearchStudy = { resourceType: 'ResearchStudy', status: 'active' }
  const empty = factsOf(bare)
  t.strictSame([...new Set(Object.values(empty))], [''])
  t.strictSame(withFacts(bare, empty), bare)
  const typed = { ...empty, title: 'Sleep', start: '2026-02-01', email: 'sleep@lab.example' } as StudyFacts
  t.strictSame(withFacts(bare, typed), {
    ...bare,
    title: 'Sleep',
    period: { start: '2026-02-01' },
    contact: [{ telecom: [{ system: 'email', value: 'sleep@lab.example' }] }],
  })
})

t.test('title and purpose are said in further languages, too', async t => {
  const said = { 'title-es': 'Sueño', 'purpose-es': 'Qué despierta a la gente' }
  const translated = withFacts(study, { ...facts, ...said } as StudyFacts)
  t.match(factsOf(translated), { ...facts, ...said })
  t.strictSame(withFacts(translated, factsOf(translated)), translated)
  t.strictSame(withFacts(translated, facts), study)
})

t.test(
  'what is not changed stays as it is stored, to the time of day and to the month that is named alone',
  async t => {
    t.strictSame(withFacts(study, facts), study)
    t.strictSame(withFacts(study, { ...facts, end: '2026-04-30' }).period, { start: '2026-02', end: '2026-04-30' })
    t.strictSame(withFacts(study, { ...facts, start: '2026-02-02' }).period, {
      start: '2026-02-02',
      end: '2026-03-31T12:00:00Z',
    })
  },
)

t.test('what is emptied goes, and nothing else', async t => {
  t.strictSame(withFacts(study, { ...facts, end: '' }).period, { start: '2026-02' })
  t.equal(withFacts(study, { ...facts, start: '', end: '' }).period, undefined)
  t.strictSame(withFacts(study, { ...facts, approval: '' }).identifier, [registered])
  t.equal(withFacts({ ...study, identifier: [approval] }, { ...facts, approval: '' }).identifier, undefined)
  const [first] = study.contact ?? []
  const [fax, work, mobile] = first?.telecom ?? []
  t.strictSame(withFacts(study, { ...facts, phone: '' }).contact, [{ ...first, telecom: [fax, mobile] }, second])
  t.strictSame(withFacts(study, { ...facts, contact: '' }).contact, [{ telecom: [fax, work, mobile] }, second])
  const bare = { ...study, contact: [{ name: 'Dr. Brandt' }] }
  t.equal(withFacts(bare, { ...facts, contact: '', phone: '' }).contact, undefined)
})

t.test('what is typed anew takes the place of what it was', async t => {
  t.strictSame(withFacts(study, { ...facts, approval: 'EK 13' }).identifier, [
    { ...approval, value: 'EK 13' },
    registered,
  ])
  const [first] = study.contact ?? []
  const [fax, work, mobile] = first?.telecom ?? []
  const changed = withFacts(study, { ...facts, phone: '112', email: 'sleep@lab.example' })
  t.strictSame(changed.contact, [
    { ...first, telecom: [fax, { ...work, value: '112' }, mobile, { system: 'email', value: 'sleep@lab.example' }] },
    second,
  ])
})

t.test('what cannot be stored, or nobody could read, is named', async t => {
  t.strictSame(factProblems(facts), {})
  const day = /^Enter a (first|last) day that exists, with its month as a word, such as 31 January 2026$/
  const cases: readonly (readonly [said: Partial<StudyFacts>, problems: object])[] = [
    [{ title: ' ' }, { title: 'Give the study a title' }],
    [{ purpose: '' }, { purpose: 'Say what the study is for: patients read it' }],
    [{ start: '2026-02-30' }, { start: day }],
    [{ end: 'soon' }, { end: day }],
    [{ start: '2026-03-01', end: '2026-02-28' }, { end: 'The last day is before the first' }],
    [{ email: 'sleep' }, { email: 'Write an address as name@example.org' }],
    [
      { email: 'sleep\u202e@lab.example', phone: '1\u200b12' },
      { email: invisible, phone: invisible },
    ],
    [{ phone: 'ask' }, { phone: /^Write one phone number in digits/ }],
    [
      { title: 'x'.repeat(251), purpose: 'x'.repeat(5001) },
      { title: /^At most 250/, purpose: /^At most 5000/ },
    ],
    [
      { 'purpose-es': 'x'.repeat(5001), 'title-es': 'x'.repeat(251) },
      { 'purpose-es': /5000/, 'title-es': /250/ },
    ],
  ]
  for (const [said, problems] of cases) {
    const found = factProblems({ ...facts, ...said } as StudyFacts)
    t.match(found, problems)
    t.strictSame(Object.keys(found).toSorted(), Object.keys(problems).toSorted())
  }
  const longest = { title: 'x'.repeat(250), purpose: 'x'.repeat(5000) }
  for (const fine of [
    { ...longest, start: '2026-03-01', end: '2026-03-01', phone: '', email: 'sleep@lab.example' },
    { start: '', end: '2026-01-31' },
    { start: '2026-01-31', end: '' },
  ])
    t.strictSame(factProblems({ ...facts, ...fine }), {})
})
