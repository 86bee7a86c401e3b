import t from 'tap'
import { and, type Expression, not, or } from '../../src/search/expression.ts'
import { print } from '../../src/search/print.ts'

const table: readonly (readonly [Expression, string])[] = [
  [{ kind: 'all' }, 'all'],
  [{ kind: 'none' }, 'none'],
  [{ kind: 'source-device' }, 'source-device'],
  [{ kind: 'consentable' }, 'consentable'],
  [{ kind: 'compartment', of: 'Patient', id: '1' }, '(compartment Patient/1)'],
  [{ kind: 'identified', ids: ['a', 'b'] }, '(identified a b)'],
  [
    { kind: 'member', of: 'owner', reach: 'down', role: 'manager', practitioner: 'dr' },
    '(membership owner down manager dr)',
  ],
  [
    { kind: 'consented', to: { kind: 'practitioner', id: 'dr' }, action: 'r', study: 's' },
    '(consented practitioner/dr r study/s)',
  ],
  [
    { kind: 'consented', to: { kind: 'practitioner', id: 'dr' }, action: 's', consent: 'c' },
    '(consented practitioner/dr s Consent/c)',
  ],
  [{ kind: 'consented', to: { kind: 'organization', id: 'o' }, action: 's' }, '(consented organization/o s)'],
  [{ kind: 'consented', to: { kind: 'members', id: 'o' }, action: 's' }, '(consented members/o s)'],
  [{ kind: 'staffed', to: { kind: 'practitioner', id: 'dr' }, by: 'enrolment' }, '(staffed practitioner/dr enrolment)'],
  [{ kind: 'created', by: { kind: 'client', id: 'app' } }, '(created-by client/app)'],
  [{ kind: 'written-through', client: 'app' }, '(written-through app)'],
  [{ kind: 'of-patients', patients: [7, 9] }, '(of-patients 7 9)'],
  [{ kind: 'same-tenant', practitioner: 'dr' }, '(same-tenant dr)'],
  [
    and(or({ kind: 'source-device' }, { kind: 'consentable' }), not({ kind: 'same-tenant', practitioner: 'dr' })),
    '(and (or source-device consentable) (not (same-tenant dr)))',
  ],
]

for (const [expression, expected] of table) {
  t.test(`prints ${expected}`, async t => {
    t.equal(print(expression), expected)
  })
}
