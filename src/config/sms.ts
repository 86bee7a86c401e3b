import { startError } from '../start-error.ts'
import { countryOfNumbers, gatewayUrl, headerLine, matching, messageTemplate, oneOf, originOnly } from './accepted.ts'
import { option, setting } from './setting.ts'

/** Text messages, sent by Twilio or by any other gateway. */
export const smsVariables = {
  phoneCountry: option({
    name: 'PHONE_COUNTRY',
    otherwise: 'numbers with their country code only',
    accepts: 'the two capital letters of a country, such as CH',
    effect:
      'Country whose mobile numbers may be typed, and stand in lists of patients, as they are dialled there, such as 078 123 45 67. What FHIR clients write names its country in any case.',
    parse: countryOfNumbers,
  }),
  twilioAccountSid: option({
    name: 'TWILIO_ACCOUNT_SID',
    otherwise: 'no text messages by Twilio',
    accepts: 'the Account SID: AC and 32 hexadecimal digits',
    effect: 'Account at Twilio that sends text messages; TWILIO_AUTH_TOKEN and TWILIO_FROM go with it.',
    parse: matching(/^AC[0-9a-f]{32}$/i),
  }),
  twilioAuthToken: option({
    name: 'TWILIO_AUTH_TOKEN',
    otherwise: 'needed with TWILIO_ACCOUNT_SID',
    accepts: 'printable characters',
    effect: 'The secret of the account.',
    parse: matching(/^[\x21-\x7e]+$/),
    secret: true,
  }),
  twilioFrom: option({
    name: 'TWILIO_FROM',
    otherwise: 'needed with TWILIO_ACCOUNT_SID',
    accepts:
      'a number such as +15005550006, the SID of a Messaging Service (MG…), or a name of up to 11 letters and digits',
    effect: 'Sender of text messages.',
    parse: matching(/^(\+[1-9]\d{6,14}|MG[0-9a-f]{32}|[A-Za-z0-9 ]{1,11})$/),
  }),
  twilioUrl: setting({
    name: 'TWILIO_URL',
    fallback: 'https://api.twilio.com',
    accepts: 'an origin such as https://api.dublin.ie1.twilio.com',
    effect: 'Address of the Twilio API, such as that of one of its regions.',
    parse: originOnly,
  }),
  smsGatewayUrl: option({
    name: 'SMS_GATEWAY_URL',
    otherwise: 'no text messages by a gateway',
    accepts: 'an http or https URL, in which {to} and {text} may stand behind the host',
    effect:
      'Gateway that sends text messages, if it is not Twilio. {to} (a number such as +15005550006) and {text} are put into the URL or into SMS_GATEWAY_BODY.',
    parse: gatewayUrl,
    secret: true,
  }),
  smsGatewayMethod: setting({
    name: 'SMS_GATEWAY_METHOD',
    fallback: 'POST',
    accepts: 'one of POST, PUT, GET',
    effect: 'HTTP method of requests to the gateway: `POST`, `PUT`, or `GET`, which has no body.',
    parse: oneOf('POST', 'PUT', 'GET'),
  }),
  smsGatewayHeader: option({
    name: 'SMS_GATEWAY_HEADER',
    otherwise: 'none',
    accepts: 'a header such as Authorization: Bearer a-secret',
    effect: 'Header by which the gateway knows this server.',
    parse: headerLine,
    secret: true,
  }),
  smsGatewayBody: setting({
    name: 'SMS_GATEWAY_BODY',
    fallback: '{"to":"{to}","text":"{text}"}',
    accepts: 'JSON in which {to} and {text} stand within quotes, or a form such as to={to}&message={text}',
    effect: 'What is sent to the gateway: JSON if it begins with { or [, else a form.',
    parse: messageTemplate,
    secret: true,
  }),
  smsGatewayAccepted: option({
    name: 'SMS_GATEWAY_ACCEPTED',
    otherwise: 'any answer of 200 to 299',
    accepts: 'a text that such an answer has, as it stands there',
    effect:
      'What the answer of the gateway contains if it has taken the message, such as `"status":"0"`: for gateways that answer 200 whatever became of it.',
    parse: matching(/^.+$/),
  }),
}

type Sms = { readonly [Name in keyof typeof smsVariables]: ReturnType<(typeof smsVariables)[Name]['read']> }

/** What sends text messages, if anything does. */
export const smsBy = ({
  twilioAccountSid,
  smsGatewayUrl,
}: Pick<Sms, 'twilioAccountSid' | 'smsGatewayUrl'>): 'twilio' | 'gateway' | 'none' => {
  if (twilioAccountSid !== undefined) return 'twilio'
  return smsGatewayUrl === undefined ? 'none' : 'gateway'
}

/** Refuses settings that contradict each other. */
export const refuseIncompleteSms = (config: Sms): void => {
  const { twilioAccountSid, twilioAuthToken, twilioFrom, smsGatewayUrl, smsGatewayMethod, smsGatewayBody } = config
  const given = [twilioAccountSid, twilioAuthToken, twilioFrom].filter(one => one !== undefined)
  if (given.length !== 0 && given.length !== 3)
    throw startError('TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN and TWILIO_FROM go together: set all three, or none')
  if (smsGatewayUrl === undefined) return
  if (twilioAccountSid !== undefined)
    throw startError(
      'TWILIO_ACCOUNT_SID and SMS_GATEWAY_URL are both set, and one sends text messages: unset the other',
    )
  const sent = smsGatewayMethod === 'GET' ? smsGatewayUrl : `${smsGatewayUrl} ${smsGatewayBody}`
  if (!sent.includes('{to}') || !sent.includes('{text}'))
    throw startError(
      `The gateway is not told what to send: {to} and {text} must stand in SMS_GATEWAY_URL${smsGatewayMethod === 'GET' ? '' : ' or SMS_GATEWAY_BODY'}`,
    )
}
