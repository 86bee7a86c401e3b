import t from 'tap'
import { mostSaid } from '../../src/fhir/error.ts'
import { toOperationOutcome } from '../../src/fhir/operation-outcome.ts'

t.test('a message is answered as it is, with the element that it is about', t => {
  const message = '"-" is no value of the date parameter "date"; accepted: yyyy'
  t.strictSame(toOperationOutcome([{ code: 'invalid', message, expression: 'date' }]), {
    resourceType: 'OperationOutcome',
    issue: [{ severity: 'error', code: 'invalid', diagnostics: message, expression: ['date'] }],
  })
  t.end()
})

t.test('for a megabyte that was sent, the answer says what is wrong and accepted, without repeating all of it', t => {
  const sent = '🩸'.repeat(250_000)
  const { issue } = toOperationOutcome([
    { code: 'invalid', message: `The value "${sent}" is no date; accepted: yyyy`, expression: `Patient.${sent}` },
  ])
  const { diagnostics = '', expression: [expression = ''] = [] } = issue[0] ?? {}
  t.match(diagnostics, /^The value "🩸+\ufffd? … \ufffd?🩸+" is no date; accepted: yyyy$/u)
  t.match(expression, /^Patient\.🩸/u)
  for (const text of [diagnostics, expression]) {
    t.ok(text.length <= mostSaid, `${text.length} characters`)
    t.ok(text.isWellFormed())
  }
  t.end()
})
