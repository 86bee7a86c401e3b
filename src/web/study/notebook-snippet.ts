import { extensions, systems } from '../../fhir/canonical.ts'

/** How a notebook reads what was chosen: the address of the search, and a token for it. */
export type Snippet = { readonly url: string; readonly token: string; readonly endsAt: Date }

type Language = { readonly name: string; readonly text: (snippet: Snippet) => string }

/** They run unchanged: the values in quotes contain no quotes, backslashes or line breaks. */
export const snippetLanguages: Readonly<Record<'python' | 'r' | 'curl', Language>> = {
  python: {
    name: 'Python',
    text: ({ url, token, endsAt }) => `import io
import json
import re
import urllib.request
from datetime import datetime, timezone

# Valid until ${endsAt.toISOString()}. It reads what you may read: do not share it.
token = "${token}"
request = urllib.request.Request(
    "${url}",
    headers={"Authorization": "Bearer " + token, "Accept": "application/fhir+ndjson"},
)

def wording(concept):
    codings = (concept or {}).get("coding") or [{}]
    displays = [coding["display"] for coding in codings if "display" in coding]
    return (concept or {}).get("text") or (displays or [codings[0].get("code")])[0]

def moment(text):
    # "2026-03" is all of March. A date is a day in UTC. datetime knows no leap second, and before Python 3.11 only fractions of six digits.
    text = text + "2026-01-01"[len(text):]
    text = re.sub(r"\\.\\d+", lambda digits: digits[0][:7].ljust(7, "0"), text).replace(":60", ":59")
    time = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return time if time.tzinfo else time.replace(tzinfo=timezone.utc)

def statistic(reading):
    parts = [
        part.get("valueCodeableConcept", {})
        for extension in reading.get("extension", [])
        if extension["url"] == "${extensions.descriptiveStatistic}"
        for part in extension.get("extension", [])
        if part["url"] == "statistic"
    ]
    concept = (parts or [{}])[0]
    codings = concept.get("coding", [])
    codes = [one.get("code") for one in codings if one.get("system") == "${systems.observationStatistics}"]
    return concept.get("text") or (codes or [None])[0]

rows = []
with urllib.request.urlopen(request) as response:
    # Read by itself, an answer that breaks off looks like a whole one.
    for line in io.BufferedReader(response):
        reading = json.loads(line)
        timing = reading.get("effectiveTiming", {})
        # An event of which only an extension says something is None.
        events = [event for event in timing.get("event", []) if event]
        bounds = timing.get("repeat", {}).get("boundsPeriod", {})
        ends = [*(events if len(events) > 1 else []), bounds.get("end")]
        first = min(filter(None, [*events, bounds.get("start")]), key=moment, default=None)
        last = max(filter(None, ends), key=moment, default=None)
        period = reading.get("effectivePeriod", {})
        start = reading.get("effectiveDateTime") or reading.get("effectiveInstant") or period.get("start")
        for part in [reading, *reading.get("component", [])]:
            name = next((key for key in part if key.startswith("value")), None)
            is_told = name is not None or "dataAbsentReason" in part
            if part is reading and "component" in reading and not is_told:
                continue
            value = part.get(name)
            quantity = value if name == "valueQuantity" else {}
            if name == "valueQuantity":
                value = quantity.get("value")
            elif name == "valueCodeableConcept":
                value = wording(value)
            elif name == "valueSampledData":
                quantity = {"unit": value["origin"].get("unit") or value["origin"].get("code")}
            coding = (part["code"].get("coding") or [{}])[0]
            rows.append({
                "patient": reading["subject"]["reference"],
                "time": start or first,
                "end": period.get("end") or last,
                "code": coding.get("code") or part["code"].get("text"),
                "comparator": quantity.get("comparator"),
                "value": value,
                "unit": quantity.get("unit") or quantity.get("code"),
                "absent": wording(part.get("dataAbsentReason")),
                "source": reading.get("device", {}).get("reference"),
                "status": reading.get("status"),
                "statistic": statistic(reading),
            })

try:
    import pandas

    readings = pandas.DataFrame(rows)
except ImportError:
    readings = rows

print(len(readings), "values")
`,
  },
  r: {
    name: 'R',
    text: ({ url, token, endsAt }) => `library(httr2)
library(jsonlite)

# Valid until ${endsAt.toISOString()}. It reads what you may read: do not share it.
token <- "${token}"
lines <- tempfile(fileext = ".ndjson")
request("${url}") |>
  req_auth_bearer_token(token) |>
  req_headers(Accept = "application/fhir+ndjson") |>
  req_perform(path = lines)

readings <- stream_in(file(lines), verbose = FALSE)
print(nrow(readings))
`,
  },
  curl: {
    name: 'curl',
    text: ({
      url,
      token,
      endsAt,
    }) => `# Valid until ${endsAt.toISOString()}. It reads what you may read: do not share it.
curl --fail --silent --show-error \\
  --header "Authorization: Bearer ${token}" \\
  --header "Accept: application/fhir+ndjson" \\
  --output readings.ndjson.part \\
  "${url}" \\
  && mv readings.ndjson.part readings.ndjson
`,
  },
}
