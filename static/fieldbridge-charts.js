// Bars for <canvas data-chart='{"labels": [...], "links": [...], "sets": [{"label", "colour", "data"}]}'>. The table beside
// each says the same without this. Colours are names of the stylesheet's own variables, so light and dark are right.
document.addEventListener("DOMContentLoaded", () => {
  const { Chart } = window;
  if (!Chart) {
    return;
  }
  const drawn = [];
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function draw(canvas) {
    const said = JSON.parse(canvas.dataset.chart);
    const ink = colour("--muted");
    const lines = colour("--line");
    drawn.push(
      new Chart(canvas, {
        type: "bar",
        data: {
          labels: said.labels,
          datasets: said.sets.map((set) => ({ label: set.label, data: set.data, backgroundColor: colour(set.colour) })),
        },
        options: {
          animation: false,
          maintainAspectRatio: false,
          interaction: { mode: "index", intersect: false },
          onClick: (_, bars) => {
            const to = bars.length && said.links[bars[0].index];
            if (to) {
              window.location.assign(to);
            }
          },
          plugins: { legend: { position: "bottom", labels: { boxWidth: 12, boxHeight: 12, color: ink } } },
          scales: {
            x: { stacked: true, grid: { display: false }, ticks: { maxTicksLimit: 8, maxRotation: 0, color: ink } },
            y: { stacked: true, beginAtZero: true, grid: { color: lines }, ticks: { precision: 0, maxTicksLimit: 5, color: ink } },
          },
        },
      }),
    );
  }

  function drawAll() {
    for (const chart of drawn.splice(0)) {
      chart.destroy();
    }
    document.querySelectorAll("canvas[data-chart]").forEach(draw);
  }

  drawAll();
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
});
