import { writeLetter } from '../../../src/cli/demo/letter.ts'
import { appToken } from '../../../src/storage/study/app-invitation.ts'
import { openApps } from '../../auth/world.ts'

type Payload = object | string

/** A study, an app that the operator trusts with invitations, and people who are invited with messages that were sent. */
export const openInvitedApps = async () => {
  const world = await openApps()
  const { server, database, create, lab, study } = world
  const policies = ['redeems-invitations', 'records-consent'] as const
  const metadata = { invitation_url: 'https://app.example.org/invitation/CODE' }
  const app = await world.client({ name: 'Heart app', policies, metadata })

  /** In the study, with an address; `patient` if they exist already. */
  const enrolled = async (name: string, patient?: string) => {
    const id =
      patient ??
      (
        await create(lab.manager, {
          resourceType: 'Patient',
          name: [{ family: name }],
          birthDate: '1970-01-01',
          identifier: [{ system: 'https://ehr.example.org', value: `secret-${name}` }],
          telecom: [{ system: 'email', value: `${name}@example.org` }],
          managingOrganization: { reference: `Organization/${lab.organization}` },
        })
      ).id
    const subject = await create(lab.manager, {
      resourceType: 'ResearchSubject',
      status: 'on-study',
      study: { reference: `ResearchStudy/${study.id}` },
      individual: { reference: `Patient/${id}` },
    })
    return { patient: id, subject: subject.id }
  }
  /** Answers the secret of the message's link. */
  const invite = ({ patient, subject }: { readonly patient: string; readonly subject: string }) =>
    writeLetter(database, { subject, study: study.id, patient, address: 'somebody@example.org' })
  const invited = async (name: string) => {
    const one = await enrolled(name)
    const secret = await invite(one)
    return { ...one, secret, token: appToken(secret, app.id) }
  }
  const redeem = async (token: string) => {
    const answer = await server.inject({ method: 'POST', url: `/api/v1/invitation/${token}` })
    return { status: answer.statusCode, body: answer.json() }
  }
  const exchange = async (grant: Readonly<Record<string, string>>, verifier: string) => {
    const answer = await server.inject({
      method: 'POST',
      url: '/oauth/token',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      payload: new URLSearchParams({ ...grant, code_verifier: verifier }).toString(),
    })
    return { status: answer.statusCode, body: answer.json() }
  }
  /** The whole way, as today's apps do. */
  const tokenOf = async (token: string): Promise<string> =>
    (await exchange((await redeem(token)).body.grant, verifierOf(token))).body.access_token
  const api = async (bearer: string, method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, payload?: Payload) => {
    const answer = await server.inject({
      method,
      url: `/api/v1/${path}`,
      headers: { authorization: `Bearer ${bearer}` },
      ...(payload === undefined ? {} : { payload }),
    })
    return { status: answer.statusCode, body: answer.body === '' ? undefined : answer.json() }
  }
  return { ...world, app, enrolled, invite, invited, redeem, exchange, tokenOf, api }
}

/** As in the contract: base64url of the token's text. */
export const verifierOf = (token: string): string => Buffer.from(token).toString('base64url')
