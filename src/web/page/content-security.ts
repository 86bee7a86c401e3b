/** https://www.w3.org/TR/CSP3/: only our own styles, modules, images and answers, and in no frame. */
const nothingElse = {
  defaultSrc: ["'none'"],
  styleSrc: ["'self'"],
  scriptSrc: ["'self'"],
  imgSrc: ["'self'", 'data:'],
  connectSrc: ["'self'"],
  baseUri: ["'none'"],
  frameAncestors: ["'none'"],
}

/** The same as a header, for answers to which no plugin adds it. */
export const nothingElseText = [...Object.entries(nothingElse), ['formAction', ["'self'"]] as const]
  .map(([name, sources]) => `${name.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)} ${sources.join(' ')}`)
  .join(';')

export const contentSecurityPolicy = { useDefaults: false, directives: { ...nothingElse, formAction: ["'self'"] } }

/**
 * For routes whose form may lead to an app: some browsers apply `form-action` to all redirects that follow.
 * https://github.com/w3c/webappsec-csp/issues/8
 */
export const leadsAway = { helmet: { contentSecurityPolicy: { useDefaults: false, directives: nothingElse } } }

/**
 * For the steps of an app's request, until it is back at the app. Apps also open them in windows of their own, and are told by such a window
 * when it is back, so no policy of another origin in between may cut it off from them.
 * https://html.spec.whatwg.org/multipage/browsers.html#cross-origin-opener-policies
 */
export const ofAppRequests = { helmet: { ...leadsAway.helmet, crossOriginOpenerPolicy: false } }

/** For pages of the account that such a request may lead over. Their forms lead to no app. */
export const amidAppRequests = { helmet: { crossOriginOpenerPolicy: false } }

/** For pages that show nothing about anybody and do nothing: any EHR may show them in a frame. */
export const framedAnywhere = { contentSecurityPolicy: framedBy(['*'], ["'none'"]), frameguard: false }

/** For what a frame of an EHR shows: https://www.w3.org/TR/CSP3/#directive-frame-ancestors, which knows more than X-Frame-Options. */
export const framedByEhr = (origins: readonly string[]) => ({
  contentSecurityPolicy: framedBy(origins, ["'self'"]),
  frameguard: false,
})

function framedBy(frameAncestors: readonly string[], formAction: readonly string[]) {
  const directives = { ...nothingElse, frameAncestors: [...frameAncestors], formAction: [...formAction] }
  return { useDefaults: false, directives }
}
