import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import omh from '../../fhir-profiles/CodeSystem-open-mhealth.json' with { type: 'json' }
import { withoutAlias } from '../../src/access/scope-alias.ts'
import { openCodeClasses } from '../../src/fhir/measured/code-class.ts'

const classes = openCodeClasses()

t.test(
  'each alias of the map of kinds is the scope that reads the kind, as docs/authorization.md lists them',
  async t => {
    const aliases = omh.concept.flatMap(({ code, property = [] }) =>
      property.map(({ valueCode }) => ({ alias: valueCode, code })),
    )
    const documented = await readFile(join(import.meta.dirname, '../../docs/authorization.md'), 'utf8')
    const rows = aliases.map(({ alias }) => `- \`${alias}\`: \`${withoutAlias(alias, 'patient', classes)}\``)
    t.equal(/<!-- aliases -->\n([\s\S]*?)\n<!-- end of aliases -->/.exec(documented)?.[1], rows.join('\n'))
    for (const { alias, code } of aliases)
      t.ok(
        withoutAlias(alias, 'system', classes).startsWith(
          `system/Observation.rs?code=https://w3id.org/openmhealth|${code}`,
        ),
      )
  },
)

t.test('any other word stays as it is', async t => {
  for (const word of ['OMHealthResource.Nothing.Read', 'OMHealthResource.HeartRate.Write', 'omh:heart-rate', 'openid'])
    t.equal(withoutAlias(word, 'patient', classes), word)
})
