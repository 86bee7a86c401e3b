import type { AddressInfo } from 'node:net'
import t from 'tap'
import { openInvited } from '../web/invited.ts'
import { byKeyboard, look, openChromium, whyNoChromium } from './chromium.ts'

t.test(
  'staff translate a study to Spanish, and a patient reads, signs and keeps it in Spanish',
  { skip: whyNoChromium() },
  async t => {
    const world = await openInvited({ PORT: '0' })
    const { server, staff, study, arrived } = world
    await server.listen({ port: 0, host: '127.0.0.1' })
    t.teardown(world.close)
    const openBrowser = await openChromium(t)
    const base = `http://localhost:${(server.server.address() as AddressInfo).port}`
    const signedIn = async (from: typeof staff, locale: string) => {
      const browser = await openBrowser({ locale })
      const value = from.cookies.get('sharewell-session') ?? ''
      await browser.context.addCookies([{ name: 'sharewell-session', value, url: base }])
      return browser
    }
    const [member, patient] = [await signedIn(staff, 'en-GB'), await signedIn((await arrived('Ana')).browser, 'es-ES')]
    const sharing = `${base}/sharing/${study.id}`

    await patient.page.goto(sharing)
    t.equal(await patient.page.locator('h1').getAttribute('lang'), 'en')
    await look(t, patient, 'study-in-no-spanish')

    const { press, type } = byKeyboard(member)
    await member.page.goto(`${base}/studies/${study.id}/settings/facts`)
    await type('Title in Spanish', 'Corazones y pasos')
    await member.page.locator('textarea[name=purpose-es]').fill('Cómo van juntos corazones y pasos')
    await look(t, member, 'study-facts-in-spanish')
    await press('Save')
    await press('Data that the study asks for')
    await press(/^Edit the reason: Heart rate/)
    await member.page.locator('textarea[name=reason]').fill('To see how it beats by day and by night')
    await press('Save')
    await look(t, member, 'study-data-in-spanish')
    await press(/^Edit the reason: Heart rate/)
    await member.page.locator('textarea[name=reason-es]').fill('Para ver cómo late de día y de noche')
    await look(t, member, 'study-reason')
    await press('Save')
    await member.page.goto(`${base}/studies/${study.id}/settings/text`)
    await look(t, member, 'study-text-unsaid')

    const own = byKeyboard(patient)
    await patient.page.goto(`${base}/sharing`)
    await look(t, patient, 'sharing-in-spanish')
    await own.press('Corazones y pasos')
    await look(t, patient, 'study-in-spanish')
    for (const group of await patient.page.getByRole('group').all()) await group.getByRole('radio').first().check()
    await own.press('Ver qué significa')
    await patient.page.locator('input[name=name]').fill('Ana Castillo')
    await own.press('Firmar')
    await own.press('Su copia, para imprimir o guardar')
    t.match(await patient.page.textContent('main'), /Corazones y pasos.*Para ver cómo late de día y de noche/s)
    t.equal(await patient.page.locator('main [lang=en]').count(), 0)
    await look(t, patient, 'copy-in-spanish')
  },
)
