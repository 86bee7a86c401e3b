import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { FhirError } from '../../../src/fhir/error.ts'
import { textInSteps } from '../../../src/fhir/give-way.ts'
import { parseJson } from '../../../src/fhir/json.ts'
import { loadRegistry } from '../../../src/fhir/registry.ts'
import { openXml } from '../../../src/fhir/xml/xml.ts'

const xml = openXml(loadRegistry().structures)
const head = 'xmlns="http://hl7.org/fhir"'

/** JSON text with its properties in one order; numbers keep their text. */
const canonical = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`
  if (typeof value !== 'object' || value === null || 'rawJSON' in value) return JSON.stringify(value)
  const entries = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1))
  return `{${entries.map(([name, one]) => `${JSON.stringify(name)}:${canonical(one)}`).join()}}`
}

const refusal = async (text: string): Promise<string> => {
  try {
    return canonical(await xml.parse(text))
  } catch (error) {
    if (!(error instanceof FhirError)) throw error
    const [{ message, expression }] = error.issues
    return `${error.status} ${message}${expression === undefined ? '' : ` (${expression})`}`
  }
}

t.test('R4 examples are the same after conversion to XML and back, to the text of each number', async t => {
  const folder = join(import.meta.dirname, '..', '..', '..', 'node_modules', 'hl7.fhir.r4.examples')
  const files = readdirSync(folder).filter(file => /^[A-Z].*\.json$/.test(file))
  const types = new Set<string>()
  // One of each type, and every twelfth.
  const sample = files.filter((file, index) => {
    const type = file.replace(/-.*/, '')
    return index % 12 === 0 || types.size < types.add(type).size
  })
  let count = 0
  for (const file of sample) {
    const text = readFileSync(join(folder, file), 'utf8')
    if (text.length > 500_000) continue
    const resource = parseJson(text)
    count += 1
    const back = await xml.parse(xml.print(resource, { pretty: count % 2 === 0 }))
    if (canonical(back) !== canonical(resource)) t.fail(file)
  }
  t.ok(count > 400, `${count} of ${files.length}`)
})

t.test('XML has the order of the definition, attributes for ids and urls, and extensions beside values', async t => {
  const resource = parseJson(`{
    "resourceType": "Patient", "birthDate": "1970-03-30", "active": true, "id": "1",
    "_birthDate": { "id": "b", "extension": [{ "url": "http://x.example/time", "valueDecimal": 1.10 }] },
    "name": [{ "given": [null, "Ann"], "_given": [{ "extension": [{ "url": "u", "valueString": "<&\\"\\n" }] }, null] }],
    "contained": [{ "resourceType": "Organization", "name": "O" }],
    "text": { "status": "generated", "div": "<div xmlns=\\"http://www.w3.org/1999/xhtml\\">a<br/></div>" }
  }`)
  const text = xml.print(resource)
  t.equal(
    text,
    `<Patient ${head}><id value="1"/>` +
      '<text><status value="generated"/><div xmlns="http://www.w3.org/1999/xhtml">a<br/></div></text>' +
      '<contained><Organization><name value="O"/></Organization></contained><active value="true"/>' +
      '<name><given><extension url="u"><valueString value="&lt;&amp;&quot;&#10;"/></extension></given><given value="Ann"/></name>' +
      '<birthDate id="b" value="1970-03-30"><extension url="http://x.example/time"><valueDecimal value="1.10"/></extension></birthDate>' +
      '</Patient>',
  )
  t.equal(canonical(await xml.parse(text)), canonical(resource))
  t.equal(
    xml.print({ resourceType: 'Patient', active: true }, { pretty: true }),
    `<Patient ${head}>\n  <active value="true"/>\n</Patient>\n`,
  )
})

t.test('numbers keep their text, and other text stays text', async t => {
  const rows = [
    ['1.10', '1.10'],
    ['-0', '-0'],
    ['1e3', '1e3'],
    ['123456789012345678901.5', '123456789012345678901.5'],
    ['01', '"01"'],
    ['NaN', '"NaN"'],
  ] as const
  for (const [text, json] of rows) {
    const body = `<Observation ${head}><valueQuantity><value value="${text}"/></valueQuantity></Observation>`
    t.equal(canonical(await xml.parse(body)), `{"resourceType":"Observation","valueQuantity":{"value":${json}}}`)
  }
})

t.test('other ways to write the same XML give the same resource', async t => {
  const patient = '{"active":true,"resourceType":"Patient"}'
  for (const text of [
    `\uFEFF<?xml version="1.0" encoding="UTF-8"?>\r\n<!-- c --><Patient ${head}>\r\n<active value='true'/></Patient>\r\n`,
    '<f:Patient xmlns:f="http://hl7.org/fhir"><f:active value="&#116;rue"></f:active></f:Patient>',
    `<Patient ${head} xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="a b"><active value="true"/></Patient>`,
  ]) {
    t.equal(await refusal(text), patient)
  }
  const div = '<div xmlns="http://www.w3.org/1999/xhtml">\u{1F600}<![CDATA[a<b]]> <!-- c --></div>'
  t.match(await xml.parse(`<Patient ${head}><text>${div}</text></Patient>`), {
    text: { div: div.replace('<![CDATA[a<b]]>', 'a&lt;b') },
  })
})

t.test('CDATA sections are found in one pass, however many are begun within a comment', async t => {
  const begun = '<![CDATA['.repeat(200_000)
  const div = (text: string) => `<div xmlns="http://www.w3.org/1999/xhtml">${text}<!-- ${begun} --></div>`
  t.match(await xml.parse(`<Basic ${head}><text>${div('<![CDATA[a<b]]>')}</text></Basic>`), {
    text: { div: div('a&lt;b') },
  })
})

t.test('what is not FHIR is refused with its name and place', async t => {
  const patient = (inner: string) => `<Patient ${head}>${inner}</Patient>`
  const rows = [
    ['<Patient', '400 The body is not well-formed XML at line 1, column 8'],
    ['', '400 The body is not well-formed XML at line 1, column 0'],
    [`${patient('')}${patient('')}`, '400 The body is not well-formed XML at line 1, column 56'],
    [patient('&secret;'), '400 The body is not well-formed XML at line 1, column 45'],
    [
      '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a/>',
      '400 The body has a document type declaration; send it without',
    ],
    ['<?xml version="1.0" encoding="ISO-8859-1"?><a/>', '415 The encoding ISO-8859-1 is not taken here; send UTF-8'],
    ['<Patient/>', '400 <Patient> is in no namespace; it must be in http://hl7.org/fhir'],
    [`<Thing ${head}/>`, '400 <Thing> is no resource type of FHIR R4'],
    [`<HumanName ${head}/>`, '400 <HumanName> is no resource type of FHIR R4'],
    [
      patient('<x:active xmlns:x="urn:x" value="true"/>'),
      '400 <x:active> is in the namespace urn:x; it must be in http://hl7.org/fhir (Patient)',
    ],
    [patient('<name><colour value="red"/></name>'), '400 <colour> is no element of Patient.name (Patient.name)'],
    ['<Patient xmlns="http://hl7.org/fhir" active="true"/>', '400 <Patient> has no attribute active (Patient)'],
    [patient('<name family="A"/>'), '400 <name> has no attribute family (Patient.name)'],
    [patient('<active value="true"/><active value="false"/>'), '400 active stands more than once'],
    [
      patient('<contained><Basic/><Basic/></contained>'),
      '400 <contained> holds more than one resource (Patient.contained)',
    ],
    [patient('true'), '400 There is text where FHIR has only elements and attributes (Patient)'],
    [
      patient('<text><div>a</div></text>'),
      '400 <div> is in the namespace http://hl7.org/fhir; it must be in http://www.w3.org/1999/xhtml (Patient.text.div)',
    ],
    [
      patient(`${'<extension>'.repeat(600)}${'</extension>'.repeat(600)}`),
      '400 The body is nested more than 500 levels deep',
    ],
  ] as const
  for (const [text, expected] of rows) t.equal(await refusal(text), expected)
})

t.test('a stored narrative with more levels than are accepted now is written as its text', async t => {
  const div = (levels: number) =>
    `<div xmlns="http://www.w3.org/1999/xhtml">${'<b>'.repeat(levels)}a${'</b>'.repeat(levels)}</div>`
  t.ok(xml.print({ resourceType: 'Basic', text: { div: div(199) } }).includes(div(199)))
  t.ok(xml.print({ resourceType: 'Basic', text: { div: div(100_000) } }).includes(div(0)))
})

t.test('a narrative that is not XML is written as its text, without characters that XML cannot have', async t => {
  const div = (text: string) => xml.print({ resourceType: 'Basic', text: { div: text } })
  t.match(div('<div>a</div>'), '<div xmlns="http://www.w3.org/1999/xhtml">a</div>')
  t.match(div('<div>a&nbsp;b</div>'), '>a&amp;nbsp;b</div>')
  t.match(div('<div><td nowrap>a & b</td></div>'), '<div xmlns="http://www.w3.org/1999/xhtml">a &amp; b</div>')
  t.match(xml.print({ resourceType: 'Basic', language: 'a\u0001\uD800😀' }), 'value="a\uFFFD\uFFFD😀"')
})

t.test(
  'others have their turn while a long resource is read from XML or written as it, or its narrative checked',
  async t => {
    const turnsDuring = async <T>(work: Promise<T>): Promise<{ result: T; turns: number }> => {
      let [turns, isDone] = [0, false]
      const ended = work.finally(() => {
        isDone = true
      })
      for (; !isDone; turns += 1) await setImmediate()
      return { result: await ended, turns }
    }
    const printed = async (resource: object) => {
      let text = ''
      for await (const piece of textInSteps(xml.printPieces(resource))) text += piece
      return text
    }
    const extension = Array.from({ length: 50_000 }, (_, index) => ({ url: 'http://x.example', valueInteger: index }))
    const long = { resourceType: 'Basic', extension, code: { text: '\u{1F600}' } }
    const text = await turnsDuring(printed(long))
    t.ok(text.turns > 2, `${text.turns} turns`)
    t.equal(text.result, xml.print(long))
    const back = await turnsDuring(xml.parse(text.result))
    t.ok(back.turns > 2, `${back.turns} turns`)
    t.same(back.result, long)
    const div = `<div xmlns="http://www.w3.org/1999/xhtml">${'<b>x</b>'.repeat(200_000)}</div>`
    const narrative = await turnsDuring(printed({ resourceType: 'Basic', text: { div } }))
    t.ok(narrative.turns > 2, `${narrative.turns} turns`)
    t.ok(narrative.result.includes(div))
  },
)
