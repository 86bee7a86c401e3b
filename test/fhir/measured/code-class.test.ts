import t from 'tap'
import { systems } from '../../../src/fhir/canonical.ts'
import { codesOf, openCodeClasses } from '../../../src/fhir/measured/code-class.ts'
import { openMhealthMaps } from '../../../src/fhir/measured/open-mhealth-maps.ts'

const classes = openCodeClasses()
const purl = 'http://purl.bioontology.org/ontology/SNOMEDCT'

const spellingsOfHeartRate: [string | undefined, string][] = [
  [systems.omh, 'omh:heart-rate:2.0'],
  [systems.omh, 'omh:heart-rate:1.1'],
  [systems.omh, 'omh:heart-rate:2.7'],
  [systems.omh, 'omh:heart-rate'],
  [undefined, 'omh:heart-rate'],
  [undefined, 'omh:heart-rate:2.0'],
  [systems.snomed, '78564009'],
  [undefined, `${purl}/78564009`],
  [`${purl}/`, '78564009'],
  [purl, '78564009'],
  [undefined, 'OMHealthResource.HeartRate.Read'],
  [systems.loinc, '8867-4'],
]

t.test('every spelling of heart rate is one class, in data and in searches', t => {
  for (const [system, code] of spellingsOfHeartRate) {
    t.equal(classes.classOf(system, code), 'omh:heart-rate', `${system}|${code}`)
    t.equal(classes.kindOf(system, code), 'omh:heart-rate')
    t.same(classes.classesAsked(system, code), { keys: ['omh:heart-rate'], anySystem: false })
  }
  t.end()
})

t.test('a LOINC code means the same as its BioPortal URI, also if no schema names it', t => {
  const loinc = 'http://purl.bioontology.org/ontology/LNC'
  for (const [code, key, kind] of [
    ['8867-4', 'omh:heart-rate', 'omh:heart-rate'],
    ['99504-3', 'http://loinc.org|99504-3', 'omh:blood-glucose'],
    ['718-7', 'http://loinc.org|718-7', undefined],
  ] as const)
    for (const [system, text] of [
      [undefined, `${loinc}/${code}`],
      [`${loinc}/`, code],
      [loinc, code],
    ] as const) {
      t.equal(classes.classOf(system, text), key, `${system}|${text}`)
      t.equal(classes.kindOf(system, text), kind)
    }
  t.end()
})

t.test('the spellings of a class are listed with each system that apps write, and without one', t => {
  const listed = classes.spellings('omh:heart-rate')
  for (const code of ['omh:heart-rate', 'omh:heart-rate:1.1', 'omh:heart-rate:2.0'])
    t.strictSame(
      listed.filter(one => one.code === code),
      [{ system: systems.omh, code }, { system: systems.ieee, code }, { code }],
    )
  t.end()
})

t.test('a code in no class is a class of its own and has no kind', t => {
  t.equal(classes.classOf(systems.loinc, '718-7'), 'http://loinc.org|718-7')
  t.equal(classes.kindOf(systems.loinc, '718-7'), undefined)
  for (const code of ['x', 'acme:foo:1.0', 'http://purl.bioontology.org/ontology/LNCX/8867-4'])
    t.equal(classes.classOf(undefined, code), `|${code}`)
  t.same(classes.spellings('http://loinc.org|718-7'), [{ system: 'http://loinc.org', code: '718-7' }])
  t.strictSame(classes.spellings('|x'), [{ code: 'x' }])
  t.end()
})

t.test('component codes of blood pressure are in no class', t => {
  t.equal(classes.kindOf(systems.loinc, '8480-6'), undefined)
  t.end()
})

t.test('a narrower code belongs to the kind but not to the class', t => {
  for (const [code, kind] of [
    ['99504-3', 'omh:blood-glucose'],
    ['2339-0', 'omh:blood-glucose'],
    ['41950-7', 'omh:step-count'],
    ['41979-6', 'omh:calories-burned'],
  ] as const) {
    t.equal(classes.classOf(systems.loinc, code), `http://loinc.org|${code}`)
    t.equal(classes.kindOf(systems.loinc, code), kind)
  }
  t.not(classes.classOf(systems.loinc, '99504-3'), classes.classOf(systems.loinc, '2339-0'))
  t.end()
})

t.test('the codes of a kind are its schema and its narrower codes, and of these none is in the class', t => {
  for (const kind of classes.kinds()) {
    const [schema, ...narrower] = codesOf(kind)
    const own = kind.key.startsWith('ieee:') ? systems.ieee : systems.omh
    t.equal(schema, `${own}|${kind.key}`)
    t.same(
      narrower,
      kind.narrower.map(({ code }) => `http://loinc.org|${code}`),
    )
    for (const { system, code } of kind.narrower) {
      t.equal(classes.classOf(system, code), `http://loinc.org|${code}`)
      t.equal(classes.kindOf(system, code), kind.key)
    }
  }
  const narrowerOf = (key: string) =>
    classes
      .kinds()
      .find(one => one.key === key)
      ?.narrower.map(({ code }) => code)
  t.same(narrowerOf('omh:step-count'), ['41950-7'])
  t.same(narrowerOf('ieee:sleep-stage-summary'), [])
  t.end()
})

t.test('a schema that we do not know is a kind and a class of its own', t => {
  t.equal(classes.classOf(systems.omh, 'omh:gait:1.0'), 'omh:gait')
  t.equal(classes.kindOf(systems.omh, 'omh:gait:2.3'), 'omh:gait')
  t.equal(classes.kindOf(systems.ieee, 'acme:gait'), 'acme:gait')
  t.same(classes.classesAsked(undefined, 'omh:gait'), { keys: ['omh:gait'], anySystem: false })
  t.equal(classes.kindOf('http://acme.example', 'acme:gait'), undefined)
  t.end()
})

t.test('one schema name in both namespaces is one class; different names are different classes', t => {
  t.equal(classes.classOf(systems.ieee, 'ieee:physical-activity:1.0'), 'omh:physical-activity')
  t.equal(classes.classOf(systems.ieee, 'ieee:physical-activity:3.0'), 'omh:physical-activity')
  t.equal(classes.classOf(systems.ieee, 'ieee:sleep-stage-summary:1.0'), 'ieee:sleep-stage-summary')
  t.equal(classes.classOf(systems.omh, 'omh:total-sleep-time:1.0'), 'omh:total-sleep-time')
  t.equal(classes.classOf(systems.snomed, '248263006'), 'omh:sleep-duration')
  t.end()
})

t.test('a bare standard code means its class and that code in any system', t => {
  t.same(classes.classesAsked(undefined, '8867-4'), { keys: ['omh:heart-rate'], anySystem: true })
  t.same(classes.classesAsked(undefined, '718-7'), { keys: [], anySystem: true })
  t.same(classes.classesAsked(null, '718-7'), { keys: ['|718-7'], anySystem: false })
  t.same(classes.classesAsked(undefined, `${purl}/271649006`), {
    keys: ['http://snomed.info/sct|271649006'],
    anySystem: false,
  })
  t.end()
})

t.test('every spelling of a class is in that class and in no other', t => {
  const seen = new Map<string, string>()
  for (const { key } of classes.kinds()) {
    for (const { system, code } of classes.spellings(key)) {
      t.equal(classes.classOf(system, code), key)
      t.notOk(seen.has(`${system}|${code}`), `${system}|${code} is listed once`)
      seen.set(`${system}|${code}`, key)
    }
  }
  t.ok(seen.size > 300)
  t.end()
})

t.test('no LOINC code is marked equivalent to two schemas, nor narrower than two', t => {
  for (const equivalence of ['equivalent', 'narrower']) {
    const named = openMhealthMaps.loinc.group.flatMap(({ element }) =>
      element.flatMap(({ code, target }) =>
        target.filter(one => one.equivalence === equivalence).map(one => `${one.code} ${code}`),
      ),
    )
    const pairs = [...new Set(named)]
    t.equal(new Set(pairs.map(pair => pair.split(' ')[0])).size, pairs.length)
  }
  t.end()
})

t.test('the codes of the guide on glucose have the names that LOINC gives them', t => {
  const targets = openMhealthMaps.loinc.group.flatMap(({ element }) => element.flatMap(({ target }) => target))
  for (const [code, name] of [
    ['107931-8', 'Continuous glucose monitoring summary panel - Reporting Period'],
    ['106793-3', 'Continuous glucose monitoring time in ranges panel'],
    ['97507-8', 'Average glucose [Mass/volume] in Interstitial fluid during Reporting Period'],
    ['105273-7', 'Glucose [Moles/volume] in Reporting Period mean Interstitial fluid by calculation'],
    ['97506-0', 'Glucose management indicator'],
    ['104638-2', 'Glucose standard deviation/Glucose mean in Reporting Period Interstitial fluid by calculation'],
    ['104642-4', 'Time below range, very low in Reporting Period Interstitial fluid by calculation'],
    ['104641-6', 'Time below range, low in Reporting Period Interstitial fluid by calculation'],
    ['97510-2', 'Glucose measurements in range out of Total glucose measurements during reporting period'],
    ['104640-8', 'Time above range, high in Reporting Period Interstitial fluid by calculation'],
    ['104639-0', 'Time above range, very high in Reporting Period Interstitial fluid by calculation'],
    ['104636-6', 'Days continuous glucose monitor device worn [#] Reporting Period Estimated'],
    ['104637-4', 'Percentage of time continuous glucose monitor device worn Reporting Period Calculated'],
  ] as const)
    t.match(
      targets.find(one => one.code === code),
      { display: name },
      code,
    )
  t.end()
})
