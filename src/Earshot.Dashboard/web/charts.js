// Charts by uPlot, which the build brings from npm; without it the page says so and shows numbers.
let uPlot = null;
try {
  uPlot = (await import('./uPlot.esm.js')).default;
} catch {
  uPlot = null;
}

const color = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// One chart: series are {label, values, color, fill?}; times in milliseconds.
export function chart(place, title, times, series, at) {
  const box = document.createElement('div');
  box.className = 'chart';
  const heading = document.createElement('h3');
  heading.textContent = title;
  box.append(heading);
  place.append(box);
  const last = series.map(one => `${one.label} ${one.values.at(-1) ?? 'unknown'}`).join(', ');
  box.setAttribute('role', 'img');
  box.setAttribute('aria-label', `${title}: now ${last}`);
  if (!uPlot) {
    const text = document.createElement('p');
    text.textContent = `${last} (charts need the build to have npm)`;
    box.append(text);
    return null;
  }
  const axis = { stroke: color('--quiet'), grid: { stroke: color('--line'), width: 1 }, ticks: { stroke: color('--line') } };
  const mark = u => {
    if (!at) return;
    const x = u.valToPos(at / 1000, 'x', true);
    u.ctx.save();
    u.ctx.strokeStyle = color('--accent');
    u.ctx.beginPath();
    u.ctx.moveTo(x, u.bbox.top);
    u.ctx.lineTo(x, u.bbox.top + u.bbox.height);
    u.ctx.stroke();
    u.ctx.restore();
  };
  const options = {
    width: 300,
    height: 190,
    scales: { y: { range: (u, low, high) => [0, Math.max(1, high * 1.1)] } },
    axes: [axis, { ...axis, size: 55 }],
    hooks: { draw: [mark] },
    series: [{}, ...series.map(one => ({
      label: one.label, stroke: color(one.color), width: 1.5, fill: one.fill ? color(one.fill) + '55' : undefined,
      dash: one.dash, spanGaps: false,
    }))],
  };
  const drawn = new uPlot(options, [times.map(time => time / 1000), ...series.map(one => one.values)], box);

  // Only when all charts of the page have their place is it known how wide each may be.
  requestAnimationFrame(() => drawn.setSize({ width: Math.max(300, box.clientWidth - 16), height: options.height }));
  return drawn;
}
