import t, { type Test } from 'tap'
import { restrict } from '../../src/access/access.ts'
import { consentOnce } from '../../src/access/consent-once.ts'
import { and, type Consented, type Expression, not, or } from '../../src/search/expression.ts'
import { print } from '../../src/search/print.ts'

const any: Consented = { kind: 'consented', to: { kind: 'practitioner', id: 'ann' }, action: 's' }
const ofStudy: Consented = { ...any, study: 'a' }
const byConsent: Consented = { ...any, consent: 'c' }
const final: Expression = { kind: 'identified', ids: ['1'] }
const is = (t: Test, question: Expression, expected: Expression) =>
  t.equal(print(consentOnce(question)), print(expected))

t.test('whoever asks for what is given to a study of theirs is not asked whether it is given to them', async t => {
  is(t, and(any, final, ofStudy), and(final, ofStudy))
  is(t, and(and(any, final), byConsent), and(final, byConsent))
  t.equal(print(restrict(() => any, 's', 'Observation', ofStudy)), print(ofStudy))
})

t.test('all else is asked: of others, for another action, of several studies, and within other questions', async t => {
  const others: readonly Expression[] = [
    and(any, { ...ofStudy, to: { kind: 'practitioner', id: 'bob' } }),
    and(any, { ...ofStudy, to: { kind: 'organization', id: 'ann' } }),
    and(any, { ...ofStudy, action: 'r' }),
    and(ofStudy, { ...ofStudy, study: 'b' }),
    and(ofStudy, byConsent),
    and(any, final),
    and(any, not(ofStudy)),
    and(any, or(ofStudy, final)),
    any,
  ]
  for (const one of others) is(t, one, one)
})
