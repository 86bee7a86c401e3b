import t from 'tap'
import { whoWrites } from '../../src/access/who-writes.ts'

t.test('a type can be asked who may write it', async t => {
  for (const [type, said] of [
    ['Condition', /^the patient whom it is about writes it, or a member of the organization that owns it/],
    ['Location', /^members of the organization that owns it/],
    ['ValueSet', /^administrators of the installation/],
    [
      'Binary',
      /securityContext names writes it, which is a Patient, .*Media, QuestionnaireResponse, or ResearchSubject;/,
    ],
    ['AuditEvent', /^the server alone/],
  ] as const)
    t.match(whoWrites(type), said, type)
})
