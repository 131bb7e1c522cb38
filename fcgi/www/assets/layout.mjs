// Pure geometry of charts: numbers in, numbers out, so that node can test it without a browser.

// Quantiles {"0.05": tickets, …} → positions of the interval picture on a log axis of the given width.
export function intervalLayout(quantiles, width, margin = 14) {
  const low = quantiles['0.05'];
  const high = quantiles['0.95'];
  const from = Math.log10(Math.max(1, low)) - 0.15;
  const to = Math.log10(Math.max(1, high)) + 0.15;
  const x = (value) => margin + ((Math.log10(Math.max(1, value)) - from) / (to - from)) * (width - 2 * margin);
  const ticks = [];
  for (let power = Math.floor(from); power <= Math.ceil(to); power++) {
    for (const step of [1, 2, 5]) {
      const value = step * 10 ** power;
      if (Math.log10(value) >= from && Math.log10(value) <= to) ticks.push({ value, x: x(value) });
    }
  }
  // Labels closer than 44 px would collide: keep every other one until they fit.
  let shown = ticks;
  while (shown.length > 2 && shown[1].x - shown[0].x < 44) shown = shown.filter((_, i) => i % 2 === 0);
  return {
    outer: { x: x(low), width: x(high) - x(low) },
    inner: { x: x(quantiles['0.25']), width: x(quantiles['0.75']) - x(quantiles['0.25']) },
    median: x(quantiles['0.5']),
    ticks: shown,
  };
}

// The Wednesday on or after a day (UTC), as YYYY-MM-DD: films come out on Wednesdays.
export function nextWednesday(day) {
  const date = new Date(Date.UTC(day.getFullYear(), day.getMonth(), day.getDate()));
  date.setUTCDate(date.getUTCDate() + ((3 - date.getUTCDay() + 7) % 7));
  return date.toISOString().slice(0, 10);
}

export function addDays(iso, days) {
  const date = new Date(`${iso}T00:00:00Z`);
  date.setUTCDate(date.getUTCDate() + days);
  return date.toISOString().slice(0, 10);
}
