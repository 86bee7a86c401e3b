import type { AddressInfo } from 'node:net'
import type { Page } from 'playwright-core'
import t from 'tap'
import { startSession } from '../../src/storage/account/session.ts'
import { measurementsOf } from '../support/measurements.ts'
import { consent, openStudies } from '../support/study.ts'
import { look, openChromium, whyNoChromium } from './chromium.ts'

const measured = ['blood-glucose', 'blood-pressure', 'heart-rate', 'step-count', 'sleep-duration']

t.test('a clinician reads what a patient measures', { skip: whyNoChromium() }, async t => {
  const world = await openStudies()
  const { server, database, create, send } = world
  const lab = await world.institution('lab')
  const kinds = measured.map(name => `omh:${name}`)
  const study = await world.study(lab.manager, lab.organization, 'glucose', kinds)
  const ann = await world.participant(lab.manager, lab.organization, study.id, kinds, 'Ann')
  const { id: sensor } = await create('everything', {
    resourceType: 'Device',
    manufacturer: 'Lumina',
    deviceName: [{ name: 'Lumina patch', type: 'user-friendly-name' }],
  })
  const alone = [
    { at: '2026-03-08T06:00:00Z', code: '8867-4', value: 55, unit: '/min' },
    { at: '2026-03-08T18:00:00Z', code: '8867-4', value: 55, unit: '/min' },
    { at: '2026-02-01T06:00:00Z', code: '8867-4', value: 60, unit: '/min' },
    { at: '2026-02-01T12:00:00Z', code: '8867-4', value: 9999, unit: '/min' },
    { at: '2026-02-01T18:00:00Z', code: '8867-4', value: 70, unit: '/min' },
    { at: '2026-01-14', code: '8867-4', value: 64, unit: '/min' },
    { at: '2026-03-08T09:00:00Z', code: '55423-8', value: 800, unit: '{steps}' },
    { at: '2026-03-06T08:00:00Z', code: '2339-0', value: 110, unit: 'mg/dL' },
    { at: '2026-03-06T12:00:00Z', code: '2339-0', value: 110, unit: 'mg/dL' },
  ].map(({ at, code, value, unit }) => ({
    resourceType: 'Observation',
    status: 'final',
    subject: { reference: `Patient/${ann}` },
    device: { reference: `Device/${sensor}` },
    code: { coding: [{ system: 'http://loinc.org', code }] },
    effectiveDateTime: at,
    valueQuantity: { value, unit, system: 'http://unitsofmeasure.org', code: unit },
  }))
  const measurements = measurementsOf(ann, sensor, Date.parse('2026-03-15T00:00:00Z'))
  const entry = [...measurements, ...alone].map(resource => ({
    resource,
    request: { method: 'POST', url: 'Observation' },
  }))
  t.equal((await send('everything', 'POST', '', { resourceType: 'Bundle', type: 'batch', entry })).statusCode, 200)
  await server.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(() => server.close())
  const openBrowser = await openChromium(t)
  const base = `http://localhost:${(server.server.address() as AddressInfo).port}`
  const session = await startSession(database, { person: study.researcher.person, methods: ['pwd'], device: 'Test' })
  const signedIn = async (options = {}) => {
    const browser = await openBrowser(options)
    await browser.context.addCookies([{ name: 'sharewell-session', value: session, url: base }])
    return browser
  }
  const page = `${base}/patients/${ann}`

  await t.test('charts are drawn of everything that is shared, by the days of the reader’s time zone', async t => {
    const browser = await signedIn({ timezoneId: 'Europe/Berlin' })
    await browser.page.goto(page)
    await browser.page.waitForURL(/timezone=Europe%2FBerlin/)
    await browser.page.waitForSelector('.chart canvas')
    t.equal(await browser.page.locator('.chart canvas').count(), 6)
    const text = (await browser.page.textContent('main')) ?? ''
    for (const words of [
      'Lumina patch',
      'Ambulatory glucose profile',
      'Blood pressure',
      'Heart rate',
      'Steps',
      'Sleep',
    ])
      t.match(text, words)
    t.notMatch(text, 'Weight', 'it is not shared')
    const ink = await browser.page.evaluate(() => {
      const counts = []
      for (const canvas of document.querySelectorAll('canvas')) {
        const { data } = canvas.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height) ?? { data: [] }
        counts.push(data.some((value, index) => index % 4 === 3 && value > 0))
      }
      return counts
    })
    t.same(ink, [true, true, true, true, true, true], 'none of them is empty')
    t.equal(
      await browser.page.locator('figure.chart').getByRole('table').count(),
      0,
      'no legend without numbers is read out as a table',
    )
    await look(t, browser, 'charts')
  })

  await t.test('of somebody whom a study knows by code, the same is drawn of what they share with it', async t => {
    const coded = await world.study(
      lab.manager,
      lab.organization,
      'Steps',
      ['omh:step-count', 'omh:heart-rate'],
      'coded',
    )
    const place = await create(lab.manager, {
      resourceType: 'ResearchSubject',
      identifier: [{ value: 'K4T7-9PQR' }],
      status: 'candidate',
      study: { reference: `ResearchStudy/${coded.id}` },
      individual: { reference: `Patient/${ann}` },
    })
    const token = await world.patientToken(ann, 'patient/Consent.cruds')
    await create(token, consent(ann, coded.id, lab.organization, ['omh:step-count']))
    const asked = { person: coded.researcher.person, methods: ['pwd'], device: 'Test' } as const
    const browser = await openBrowser({ timezoneId: 'UTC' })
    await browser.context.addCookies([
      { name: 'sharewell-session', value: await startSession(database, asked), url: base },
    ])
    const staff = browser.page
    await staff.goto(`${base}/studies/${coded.id}`)
    // Where they work, patients are registered as well: they may read the Patient, which the list leads to.
    await staff.getByRole('link', { name: 'Completeness' }).click()
    await staff.locator('th a').click()
    await staff.waitForSelector('.chart canvas')
    t.match(staff.url(), `/studies/${coded.id}/people/${place.id}?`)
    t.same(await staff.locator('h1').allTextContents(), ['K4T7-9PQR'])
    t.equal(await staff.locator('.chart canvas').count(), 1)
    t.notMatch(await staff.content(), ann)
    await look(t, browser, 'participant')
    await staff.getByRole('link', { name: '7 days', exact: true }).click()
    await staff.waitForURL(/first=2026-03-08/)
    await staff.getByRole('link', { name: 'Back to the study' }).click()
    t.match(staff.url(), `/studies/${coded.id}/completeness?days=14`)
  })

  await t.test('by night as well, it is seen on which days somebody is zooming in', async t => {
    const { page: tab } = await signedIn({ colorScheme: 'dark', viewport: { width: 1280, height: 800 } })
    await tab.goto(page)
    await tab.waitForSelector('.chart canvas')
    const edge = await tab
      .locator('.u-select')
      .first()
      .evaluate(one => getComputedStyle(one).borderLeftColor)
    const link = await tab
      .locator('main a')
      .first()
      .evaluate(one => getComputedStyle(one).color)
    t.equal(edge, link, 'its edges have the colour of what can be used')
  })

  /** The parts of its height, from the top, at which the chart has the colour, at that part of its width, within the size of a mark. */
  const drawnAt = (tab: Page, asked: { readonly title: string; readonly color: string; readonly part: number }) =>
    tab
      .locator('figure.chart')
      .filter({ has: tab.getByRole('heading', { name: asked.title }) })
      .evaluate((figure, { color, part }) => {
        const [canvas, over] = [figure.querySelector('canvas'), figure.querySelector<HTMLElement>('.u-over')]
        const context = canvas?.getContext('2d')
        if (!canvas || !context || !over) throw new Error('there is no chart')
        context.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(color).trim()
        const wanted = [1, 3, 5].map(at => Number.parseInt(String(context.fillStyle).slice(at, at + 2), 16))
        const left = over.offsetLeft + part * over.clientWidth - 3
        const { data } = context.getImageData(left, 0, 7, canvas.height)
        const isWanted = (start: number) =>
          data[start + 3] === 255 && wanted.every((value, of) => Math.abs(value - (data[start + of] ?? 0)) < 16)
        const pixels = Array.from({ length: data.length / 4 }, (_, pixel) => pixel * 4).filter(isWanted)
        return pixels.map(start => (Math.floor(start / 28) - over.offsetTop) / over.clientHeight)
      }, asked)

  const isDrawn = async (...asked: Parameters<typeof drawnAt>) => (await drawnAt(...asked)).length > 0

  await t.test('a line has a gap where its own source has no readings, whatever others measured', async t => {
    const { page: tab } = await signedIn({ viewport: { width: 1280, height: 800 } })
    await tab.goto(`${page}?first=2026-03-01&last=2026-03-14&timezone=UTC`)
    await tab.waitForSelector('.chart canvas')
    const isOfPatch = (day: number) => isDrawn(tab, { title: 'Heart rate', color: '--chart-2', part: day / 14 })
    t.ok(await isOfPatch(7.25), 'a single reading is marked')
    t.ok(await isOfPatch(7.75))
    t.notOk(await isOfPatch(7.5), 'no line leads to the next')
  })

  await t.test('an implausible value is marked at the edge, and leaves the other values their room', async t => {
    const { page: tab } = await signedIn({ viewport: { width: 1280, height: 800 } })
    await tab.goto(`${page}?first=2026-02-01&last=2026-02-01&timezone=UTC`)
    await tab.waitForSelector('.chart canvas')
    const at = (hour: number) => drawnAt(tab, { title: 'Heart rate', color: '--chart-1', part: hour / 24 })
    const [sixty = 0, seventy = 0] = [(await at(6))[0], (await at(18))[0]]
    t.ok(sixty - seventy > 0.5, `${sixty} and ${seventy}`)
    const beyond = await at(12)
    t.ok(beyond.length > 10 && beyond.every(part => part < 0.06), String(beyond))
    t.match(await tab.textContent('main'), /above 300, which can hardly be, are marked by triangles at the edge: 1\./)
    await tab.locator('summary', { hasText: 'Heart rate' }).click()
    t.match(await tab.locator('details[open] table').textContent(), /(?:1 February|February 1,) 20263.*9999/)
  })

  await t.test('iPhones that get no newer Safari than 15 draw all of them', async t => {
    const { page: old, complaints } = await signedIn({ timezoneId: 'UTC' })
    await old.addInitScript(`{
      for (const name of ['toSorted', 'toReversed', 'toSpliced', 'with']) delete Array.prototype[name]
      for (const [type, name] of [[Object, 'groupBy'], [Map, 'groupBy'], [Promise, 'withResolvers'], [URL, 'canParse'], [Array, 'fromAsync']])
        delete type[name]
      delete globalThis.Iterator
    }`)
    await old.goto(`${page}?first=2026-03-01&last=2026-03-14&timezone=UTC`)
    await old.waitForLoadState('networkidle')
    t.same(complaints, [])
    t.equal(await old.locator('.chart canvas').count(), await old.locator('[data-chart]').count())
  })

  await t.test('a day on which the clock skips midnight has its own name below a chart', async t => {
    const { page: shown } = await signedIn({ timezoneId: 'America/Havana' })
    await shown.addInitScript(() => {
      const { fillText } = CanvasRenderingContext2D.prototype
      const told: string[] = []
      Object.assign(globalThis, { told })
      CanvasRenderingContext2D.prototype.fillText = function (text, ...place) {
        told.push(text)
        fillText.call(this, text, ...place)
      }
    })
    await shown.goto(`${page}?first=2026-03-02&last=2026-03-13&timezone=America/Havana`)
    await shown.waitForSelector('.chart canvas')
    await shown.evaluate(() => new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn))))
    const told = await shown.evaluate<string[]>('told')
    t.same(new Set(told.filter(text => / Mar$/.test(text))), new Set(['2 Mar', '5 Mar', '8 Mar', '11 Mar', '14 Mar']))
  })

  await t.test('thresholds and percentiles are named in the picture, each on a line of its own', async t => {
    const { page: shown } = await signedIn({ viewport: { width: 1280, height: 800 } })
    await shown.addInitScript(() => {
      const { fillText } = CanvasRenderingContext2D.prototype
      const told: [string, number][] = []
      Object.assign(globalThis, { told })
      CanvasRenderingContext2D.prototype.fillText = function (text, x, y, ...more) {
        told.push([text, y])
        fillText.call(this, text, x, y, ...more)
      }
    })
    await shown.goto(`${page}?first=2026-03-01&last=2026-03-14&timezone=UTC`)
    await shown.waitForSelector('.chart canvas')
    await shown.evaluate(() => new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn))))
    const told = await shown.evaluate<[string, number][]>('told')
    const texts = told.map(([text]) => text)
    for (const mark of ['Target range 70–180 mg/dL', 'systolic 135', 'diastolic 85']) t.ok(texts.includes(mark), mark)
    const heights = ['95 %', '75 %', '50 %', '25 %', '5 %'].map(
      name => told.find(([text]) => text === name)?.[1] ?? Number.NaN,
    )
    t.ok(
      heights.every((height, at) => at === 0 || height - (heights[at - 1] ?? 0) >= 13),
      String(heights),
    )
    for (const tick of ['54', '70', '180', '250', '350']) t.ok(texts.includes(tick), tick)
  })

  await t.test('pointing at a value shows its time and its number', async t => {
    const { page: tab } = await signedIn({ viewport: { width: 1280, height: 800 } })
    await tab.goto(`${page}?first=2026-03-02&last=2026-03-08&timezone=Europe/Berlin`)
    await tab.waitForSelector('.chart canvas')
    const legendOf = async (title: string, part: number) => {
      const figure = tab.locator('figure.chart').filter({ has: tab.getByRole('heading', { name: title }) })
      await figure.locator('.u-over').scrollIntoViewIfNeeded()
      const box = await figure.locator('.u-over').boundingBox()
      if (box === null) throw new Error('there is no chart')
      await tab.mouse.move(box.x + box.width * part, box.y + 100)
      return (await figure.locator('.u-legend').textContent()) ?? ''
    }
    t.match(await legendOf('Blood pressure', (1 + 8 / 24) / 7), /When3 Mar 2026, 08:00\s?–\s?08:05systolic/)
    t.match(await legendOf('Steps', (1 + 8 / 24) / 7), /When3 Mar 2026/)
    await tab.goto(`${page}?first=2026-01-12&last=2026-01-18&timezone=Europe/Berlin`)
    await tab.waitForSelector('.chart canvas')
    t.match(await legendOf('Heart rate', 2.5 / 7), /When14 Jan 2026Lumina patch64/, 'a date alone has no time of day')
  })

  await t.test('no line is hidden by a click on its name, since no key could do so', async t => {
    const { page: tab } = await signedIn({ viewport: { width: 1280, height: 800 } })
    await tab.goto(`${page}?first=2026-03-02&last=2026-03-08&timezone=Europe/Berlin`)
    await tab.waitForSelector('.chart canvas')
    const names = tab.locator('.u-legend .u-series:not(.edge) th')
    t.ok((await names.count()) > 5)
    for (const name of await names.all()) {
      await name.click()
      t.equal(await name.evaluate(one => getComputedStyle(one).cursor), 'auto')
    }
    t.equal(await tab.locator('.u-legend .u-off').count(), 0)
  })

  await t.test('however long the name of a line is, its mark and its value stand beside it', async t => {
    const { page: tab } = await signedIn()
    await tab.goto(`${page}?first=2026-03-02&last=2026-03-08&timezone=Europe/Berlin`)
    await tab.waitForSelector('.chart canvas')
    const places = await tab.evaluate<readonly boolean[]>(`[...document.querySelectorAll('.u-series:not(.edge)')]
      .filter(one => one.querySelector('.u-marker').style.borderWidth !== '')
      .map(one => {
        const [mark, name, value] = ['.u-marker', '.u-label', '.u-value'].map(part => one.querySelector(part))
        name.textContent = 'blood pressure while sitting, source not known, '.repeat(2)
        value.textContent = '7 mmHg'
        const lines = [...name.getClientRects()]
        const isOn = (part, line) => {
          const { top, bottom } = part.getClientRects()[0]
          return top < line.bottom && bottom > line.top
        }
        return lines.length > 1 && isOn(mark, lines[0]) && isOn(value, lines.at(-1))
      })`)
    t.ok(places.length > 5)
    t.notOk(places.includes(false))
  })

  await t.test('a bar stays within its day, even if its source has no other', async t => {
    const { page: tab } = await signedIn({ viewport: { width: 1280, height: 800 } })
    await tab.goto(`${page}?first=2025-12-15&last=2026-03-14&timezone=UTC`)
    await tab.waitForSelector('.chart canvas')
    const isOfPatch = (day: number) => isDrawn(tab, { title: 'Steps', color: '--chart-2', part: day / 90 })
    t.same([await isOfPatch(83.6), await isOfPatch(85)], [true, false])
  })

  await t.test('a single time of day is marked in the usual day', async t => {
    const { page: tab } = await signedIn({ viewport: { width: 1280, height: 800 } })
    await tab.goto(`${page}?first=2026-03-06&last=2026-03-06&timezone=UTC`)
    await tab.waitForSelector('.chart canvas')
    const isMedian = (hour: number) =>
      isDrawn(tab, { title: 'The usual day', color: '--chart-1', part: (hour + 0.125) / 24 })
    t.same(await Promise.all([8, 10, 12].map(isMedian)), [true, false, true])
  })

  /** The chart of glucose over time is the second: the usual day is before it. */
  const trace = 1

  await t.test('dragging over a stretch zooms in, and a double click shows everything again', async t => {
    const { page: tab, complaints } = await signedIn({ viewport: { width: 1280, height: 800 } })
    await tab.goto(`${page}?timezone=UTC`)
    const over = tab.locator('.u-over').nth(trace)
    const before = await tab.locator('canvas').nth(trace).screenshot()
    await over.scrollIntoViewIfNeeded()
    const box = await over.boundingBox()
    if (box === null) throw new Error('there is no chart')
    await tab.mouse.move(box.x + box.width * 0.4, box.y + 50)
    await tab.mouse.down()
    await tab.mouse.move(box.x + box.width * 0.48, box.y + 60, { steps: 5 })
    await tab.mouse.up()
    await tab.mouse.move(0, 0)
    const closer = await tab.locator('canvas').nth(trace).screenshot()
    t.notOk(closer.equals(before))
    const alone = new URL(
      (await tab.locator('a', { hasText: 'Show these days alone' }).nth(trace).getAttribute('href')) ?? '',
    )
    t.equal(`${alone.pathname}${alone.search}`, `/patients/${ann}?timezone=UTC&first=2026-03-06&last=2026-03-07`)
    await over.dblclick()
    await tab.mouse.move(0, 0)
    t.ok((await tab.locator('canvas').nth(trace).screenshot()).equals(before))
    t.same(complaints, [])
  })

  await t.test('with the keyboard as well, every stretch can be shown, also within a day', async t => {
    const { page: tab, complaints } = await signedIn({ viewport: { width: 1280, height: 800 } })
    await tab.goto(`${page}?timezone=UTC`)
    const buttons = tab.getByRole('group', { name: /^What is shown of: / }).nth(trace)
    const shown = buttons.getByRole('status')
    const press = async (name: string, times = 1) => {
      await buttons.getByRole('button', { name }).focus()
      for (let count = 0; count < times; count += 1) await tab.keyboard.press('Enter')
    }
    const picture = () => tab.locator('canvas').nth(trace).screenshot()
    const before = await picture()
    const offered = () => buttons.getByRole('button').allTextContents()
    t.equal(await shown.textContent(), '')
    t.same(await offered(), ['Zoom in'], 'nothing that would do nothing')
    await press('Zoom in', 5)
    t.same(await offered(), ['Zoom in', 'Zoom out', 'Move earlier', 'Move later'])
    t.match(await shown.textContent(), / – /, 'some hours before midnight, and some after')
    await press('Move later', 2)
    const some = (await shown.textContent()) ?? ''
    t.match(some, /^[^,–]*2026, \d\d:\d\d–\d\d:\d\d$/, 'some hours of one day')
    t.notOk((await picture()).equals(before))
    await press('Move later')
    t.not(await shown.textContent(), some)
    await press('Move earlier')
    t.equal(await shown.textContent(), some)
    await press('Move earlier', 100)
    const first = await tab.evaluate(`JSON.parse(document.querySelectorAll('.chart')[${trace}].dataset.chart).from`)
    const day = new Date(Number(first) * 1000).toLocaleDateString('en-GB', { dateStyle: 'medium', timeZone: 'UTC' })
    t.match(await shown.textContent(), `${day}, 00:00–`, 'not beyond the first day')
    await press('Zoom out', 5)
    t.equal(await shown.textContent(), '')
    t.same(await offered(), ['Zoom in'])
    t.equal(await tab.evaluate('document.activeElement.textContent'), 'Zoom in', 'the focus goes to what is left')
    await tab.evaluate('document.activeElement.blur()')
    t.ok((await picture()).equals(before))
    t.same(complaints, [])
  })

  await t.test('other colours leave the focus where it was', async t => {
    const { page: tab, complaints } = await signedIn({ viewport: { width: 1280, height: 800 } })
    await tab.goto(`${page}?timezone=UTC`)
    const one = (what: string) => `document.querySelectorAll('[data-chart]')[${trace}].querySelector('${what}')`
    const staysOn = async (what: string) => {
      await tab.evaluate(`${one(what)}.focus()`)
      for (const colorScheme of ['dark', 'light'] as const) {
        await tab.evaluate(`window.before = ${one('canvas')}`)
        await tab.emulateMedia({ colorScheme })
        await tab.evaluate('new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))')
        t.ok(await tab.evaluate(`${one('canvas')} !== window.before`), 'it is drawn again')
        t.ok(await tab.evaluate(`document.activeElement === ${one(what)}`), `${what}, ${colorScheme}`)
      }
    }
    await tab.evaluate(`${one('.zoom button')}.click()`)
    await staysOn('.zoom button + button')
    await staysOn('.plot > a')
    t.same(complaints, [])
  })

  await t.test('charts are drawn, and moments written, in a browser whose language is no language', async t => {
    const { page: tab, complaints } = await signedIn({ locale: 'en-US@posix', timezoneId: 'Europe/Berlin' })
    await tab.goto(page)
    await tab.waitForURL(/timezone=Europe%2FBerlin/)
    await tab.waitForSelector('.chart canvas')
    t.equal(await tab.locator('.chart canvas').count(), 6)
    t.same(complaints, [])
  })

  await t.test('no table makes the page wider than a phone, even with large letters', async t => {
    const { page: tab } = await signedIn()
    await tab.goto(page)
    await tab.waitForSelector('.chart canvas')
    for (const size of ['100%', '200%'])
      t.same(
        await tab.evaluate(`(() => {
          const root = document.documentElement
          root.style.fontSize = '${size}'
          return [...document.querySelectorAll('details')].flatMap(one => {
            one.open = true
            return root.scrollWidth > root.clientWidth ? [one.textContent.slice(0, 60)] : []
          })
        })()`),
        [],
        size,
      )
  })

  await t.test(
    'the letters of a chart are as large as whoever reads it has told the browser, and none is cut off',
    async t => {
      const { page: tab, complaints } = await signedIn()
      const browser = await tab.context().newCDPSession(tab)
      await browser.send('Page.setFontSizes', { fontSizes: { standard: 32, fixed: 26 } })
      await tab.addInitScript(`{
      window.written = []
      const { fillText } = CanvasRenderingContext2D.prototype
      CanvasRenderingContext2D.prototype.fillText = function (text, x, y, ...more) {
        const { actualBoundingBoxLeft, actualBoundingBoxRight, actualBoundingBoxDescent } = this.measureText(text)
        const { width, height } = this.canvas
        const isWhole = x >= actualBoundingBoxLeft && x + actualBoundingBoxRight <= width && y + actualBoundingBoxDescent <= height
        written.push({ text, font: this.font, isWhole })
        return fillText.call(this, text, x, y, ...more)
      }
    }`)
      await tab.goto(page)
      await tab.waitForSelector('.chart canvas')
      const written = (await tab.evaluate('window.written')) as readonly {
        text: string
        font: string
        isWhole: boolean
      }[]
      for (const kind of [/^100$/, /^180$/, /^95 %$/, /^\d+ Mar$/, /^12:00$/])
        t.ok(
          written.some(({ text }) => kind.test(text)),
          `${kind}: each axis has some room for them`,
        )
      t.same(new Set(written.map(({ font }) => font)), new Set(['26px system-ui, sans-serif']))
      t.same(
        written.filter(({ isWhole }) => !isWhole),
        [],
      )
      t.same(complaints, [])
    },
  )

  await t.test('on paper a chart is complete, and its days are named', async t => {
    const { page: tab } = await signedIn({ timezoneId: 'UTC', viewport: { width: 1280, height: 800 } })
    // No script runs between showing the window and printing it.
    await tab.addInitScript('window.ResizeObserver = class { observe() {} }')
    await tab.goto(page)
    await tab.waitForSelector('.chart canvas')
    await tab.emulateMedia({ media: 'print' })
    await tab.setViewportSize({ width: 700, height: 900 })
    const heights = await tab.evaluate(`[...document.querySelectorAll('.plot .u-wrap')].map(one => one.offsetHeight)`)
    t.same(
      new Set(heights as number[]),
      new Set([260, 350]),
      'no sheet is lost because a chart grows when it is drawn anew',
    )
    t.equal(await tab.locator('.u-legend .u-value:visible').count(), 0, 'the legend tells no value of a cursor')
    const edges = await tab.evaluate(
      `[...document.querySelectorAll('.plot canvas')].map(canvas => canvas.getBoundingClientRect().right <= innerWidth)`,
    )
    t.same(new Set(edges as boolean[]), new Set([true]), 'its last days are not cut off')
    t.match(await tab.textContent('.period summary'), /^From .*\d{4}.* to .*\d{4}.* \(UTC\), glucose in mg\/dL/)
    t.ok(await tab.isVisible('.period summary'))
    t.notOk(await tab.isVisible('header'))
  })

  await t.test('on paper the glucose profile is one sheet, with whose it is and of which days', async t => {
    const { page: tab } = await signedIn({ timezoneId: 'UTC', viewport: { width: 1280, height: 800 } })
    await tab.goto(`${page}?timezone=UTC`)
    await tab.waitForSelector('.chart canvas')
    t.notOk(await tab.isVisible('.profile > p:first-of-type'), 'the page says it already')
    // A4 and Letter, less margins of 10 mm.
    const fits = async (what: string) => {
      for (const [width, height] of [
        [718, 1047],
        [740, 980],
      ] as const) {
        await tab.emulateMedia({ media: 'print' })
        await tab.setViewportSize({ width, height })
        const profile = await tab.locator('.profile').boundingBox()
        t.ok(profile !== null && profile.height <= height, `${what}: ${profile?.height} of ${height}`)
        t.match(await tab.textContent('.profile > p:first-of-type'), /^AnnFrom .*\d{4} to .*\d{4} \(UTC\)$/)
        await tab.emulateMedia({ media: 'screen' })
      }
    }
    await fits('two weeks')
    await tab.evaluate(`
      for (let count = 0; count < 3; count++) {
        const warning = document.createElement('p')
        warning.className = 'border-start border-4 border-warning ps-3'
        warning.textContent = 'This is what a warning says. '.repeat(7)
        document.querySelector('.profile > .row').before(warning)
      }`)
    await fits('two weeks with three warnings')
    await tab.evaluate(`
      const days = document.querySelector('.days')
      days.className = 'days list-unstyled from-7'
      while (days.children.length < 31) days.append(days.lastElementChild.cloneNode(true))`)
    await fits('a month with three warnings')
    await tab.evaluate(
      `for (const warning of document.querySelectorAll('.profile > .border-warning')) warning.remove()`,
    )
    await fits('a month')
  })

  await t.test(
    'what is drawn again for paper is there at once, since Firefox copies the page before anything that waits',
    async t => {
      const { page: tab } = await signedIn({ timezoneId: 'UTC' })
      await tab.addInitScript(
        'const own = queueMicrotask; window.queueMicrotask = task => window.isCopied === true || own(task)',
      )
      await tab.goto(page)
      await tab.waitForSelector('.chart canvas')
      await tab.evaluate(
        'window.isCopied = true; for (const canvas of document.querySelectorAll("canvas")) canvas.dataset.first = ""',
      )
      await tab.emulateMedia({ media: 'print' })
      await tab.locator('canvas:not([data-first])').nth(1).waitFor({ state: 'attached' })
      const drawn = await tab.evaluate(`[...document.querySelectorAll('canvas')].map(canvas => {
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
      return data.some(value => value > 0)
    })`)
      t.same(new Set(drawn as boolean[]), new Set([true]))
    },
  )

  await t.test('paper is printed in light colours, even for somebody with a dark screen', async t => {
    const { page: tab } = await signedIn({ timezoneId: 'UTC', colorScheme: 'dark' })
    await tab.goto(page)
    await tab.waitForSelector('.chart canvas')
    const ink = () => tab.evaluate('getComputedStyle(document.documentElement).getPropertyValue("--chart-1").trim()')
    await tab.evaluate('for (const canvas of document.querySelectorAll("canvas")) canvas.dataset.night = "yes"')
    t.equal(await ink(), '#7fd1c7')
    await tab.emulateMedia({ media: 'print', colorScheme: 'dark' })
    t.equal(await ink(), '#0b5d57')
    await tab.locator('canvas:not([data-night])').nth(1).waitFor()
    t.equal(await tab.locator('canvas[data-night]').count(), 0, 'what was drawn in dark colours is drawn again')
  })

  await t.test('without JavaScript the same numbers are in tables', async t => {
    const { page: tab, complaints } = await signedIn({ javaScriptEnabled: false })
    await tab.goto(`${page}?first=2026-03-02&last=2026-03-03`)
    t.equal(await tab.locator('canvas').count(), 0)
    t.match(await tab.textContent('main'), /The tables have the same numbers/)
    await tab.locator('summary', { hasText: 'Steps' }).click()
    t.match(await tab.locator('details[open] table').textContent(), /2 March 2026\d+/)
    t.same(complaints, [])
  })
})
