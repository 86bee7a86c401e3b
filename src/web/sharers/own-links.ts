import type { Organization, Practitioner } from '@medplum/fhirtypes'
import type { Caller } from '../../access/caller.ts'
import { nameText } from '../../fhir/display-name.ts'
import { unlessRefused } from '../../fhir/error.ts'
import { isolated } from '../../messages/isolated.ts'
import { parseSearch } from '../../search/parse.ts'
import type { PageOptions } from '../page/add-page.ts'
import { copyButton, copyScript } from '../page/copy-button.ts'
import { type Html, html } from '../page/html.ts'
import { qrPicture } from '../page/qr-picture.ts'

type OwnLink = { readonly to: 'practitioner' | 'organization'; readonly id: string; readonly name: string }

/** Where a patient shares with the caller, or with an organization of theirs: to be sent, or scanned. Undefined if nobody could share with any of them. */
export const ownLinks = async (options: PageOptions, caller: Caller): Promise<Html | undefined> => {
  const links = [...(await ownPractitioner(options, caller)), ...(await ownOrganizations(options, caller))]
  if (links.length === 0) return undefined
  return html`<h2 class="mt-5">Let a patient share with you</h2>
<p>The patient scans the code with the camera of their phone, or opens the link. There they sign in, choose what to share and sign; and there they change it or stop it. The link opens nothing by itself, and works for every patient.</p>
${links.map(one => shown(one, options.accounts.address()))}
${copyScript}`
}

const shown = ({ to, id, name }: OwnLink, address: string): Html => {
  const link = `${address}/sharing/with/${to}/${id}`
  const whom = to === 'practitioner' ? 'you' : isolated(name)
  return html`<details class="mb-3"><summary>With ${whom}</summary>
<p class="mt-3"><code id="link-${id}">${link}</code> ${copyButton(`link-${id}`, 'the link')}</p>
${qrPicture(link, `QR code of the link to share with ${whom}`)}
</details>`
}

/** Nobody shares with somebody who has no name, or is no longer active. */
const ownPractitioner = async ({ openStoreFor }: PageOptions, caller: Caller): Promise<readonly OwnLink[]> => {
  const { practitioner: id } = caller
  const found = id === undefined ? undefined : await unlessRefused(() => openStoreFor(caller).read('Practitioner', id))
  if (found === undefined || id === undefined) return []
  const { name, active }: Practitioner = JSON.parse(found.content)
  return active === false || nameText(name?.[0]).trim() === '' ? [] : [{ to: 'practitioner', id, name: '' }]
}

/** Those for whose members they speak: of an organization that they may only look at, others tell patients. */
const ownOrganizations = async (
  { openStoreFor, registry }: PageOptions,
  caller: Caller,
): Promise<readonly OwnLink[]> => {
  const ids = caller.organizations
  if (ids.length === 0) return []
  const query = new URLSearchParams({ _id: ids.join(','), _sort: 'name', _count: String(most) })
  const { entries } = await openStoreFor(caller).search(parseSearch(registry, 'Organization', query))
  return entries.flatMap(({ id, content }): readonly OwnLink[] => {
    const { name = '', active }: Organization = JSON.parse(content)
    return active === false || name.trim() === '' ? [] : [{ to: 'organization', id, name }]
  })
}

/** More than somebody works in. */
const most = 20
