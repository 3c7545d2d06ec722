// The rows of a mapping as lines to fill in: steps with an input for each argument, examples in two columns. What is
// sent stays the text underneath, which is also what one sees without this.
document.addEventListener("DOMContentLoaded", () => {
  const $ = window.django && window.django.jQuery;
  const told = document.getElementById("fb-transforms");
  if (!$ || !told) {
    return;
  }
  const themes = JSON.parse(told.textContent);
  const entries = new Map(themes.flatMap((theme) => theme.entries).map((entry) => [entry.name, entry]));
  const held = JSON.stringify({ held: true });

  function make(tag, props = {}, ...children) {
    const { data, ...plain } = props;
    const node = Object.assign(document.createElement(tag), plain);
    Object.assign(node.dataset, data || {});
    node.append(...children.filter(Boolean));
    return node;
  }

  function press(words, title, act, more = "") {
    const made = make("button", { type: "button", className: `fb-press ${more}`, textContent: words, title });
    made.setAttribute("aria-label", title);
    made.addEventListener("click", act);
    return made;
  }

  function input(words, value, act) {
    const made = make("input", { type: "text", value, className: "fb-input", placeholder: words });
    made.setAttribute("aria-label", words);
    made.addEventListener("input", act);
    return made;
  }

  // Arguments: for each kind how it is drawn; `set` is told the new value, undefined for one that is left out.

  function choice(options, value, set, words) {
    const made = make("select", { className: "fb-input" });
    made.setAttribute("aria-label", words);
    made.append(...options.map(([key, label]) => make("option", { value: key, textContent: label, selected: key === value })));
    made.addEventListener("change", () => set(made.value));
    return made;
  }

  function pairs(value, set, words, shown = String, read = String) {
    const box = make("div", { className: "fb-pairs" });
    const lines = () => [...box.querySelectorAll(".fb-pair")].map((line) => [...line.querySelectorAll("input")]);
    const tell = () => set(lines().map((line) => line.map((one) => read(one.value))));
    function add(pair, focus) {
      const line = make("div", { className: "fb-pair" });
      const [left, right] = pair.map((one, n) => input(words[n], shown(one), tell));
      const gone = press("✕", "Take this line out", () => {
        line.remove();
        tell();
      });
      line.append(left, make("span", { className: "fb-sign", textContent: "→" }), right, gone);
      box.insertBefore(line, more);
      if (focus) {
        left.focus();
      }
      return line;
    }
    const more = press("Add a line", "Add a line", () => {
      add(["", ""].map(read), true);
      tell();
    });
    box.append(more);
    value.forEach((pair) => add(pair));
    return { box, lines, tell };
  }

  function drawn(argument, given, set) {
    const value = given === undefined ? argument.default : given;
    const words = `${argument.name}: ${argument.help}`;
    if (argument.kind === "choice") {
      return choice(argument.choices.map((c) => [c, c]), value, set, words);
    }
    if (argument.kind === "yes or no") {
      return choice([["true", "yes"], ["false", "no"]], String(Boolean(value)), (v) => set(v === "true"), words);
    }
    if (argument.kind === "table") {
      const table = value && typeof value === "object" && !Array.isArray(value) ? Object.entries(value) : [];
      const told = (lines) => set(Object.fromEntries(lines.filter(([from, to]) => from || to)));
      return pairs(table, told, ["what it is", "what it becomes"]).box;
    }
    const made = input("", value === null || value === undefined ? "" : String(value), () => set(read(made.value)));
    const number = argument.kind !== "text";
    made.setAttribute("aria-label", words);
    made.placeholder = argument.needed ? "needed" : "";
    if (number) {
      made.inputMode = argument.kind === "number" ? "decimal" : "numeric";
    }
    function read(text) {
      if (number) {
        return text.trim() === "" ? undefined : Number.isNaN(Number(text)) ? text : Number(text);
      }
      return text === "" && argument.needed ? undefined : text;
    }
    return made;
  }

  // A chain of steps

  function chain(area) {
    let steps = parsed(area.value);
    if (!steps) {
      return;
    }
    const box = make("div", { className: "fb-chain" });
    const helped = new WeakSet(); // steps whose help is shown: those just added, and where somebody asks
    const keep = () => {
      area.value = steps.length ? `[${steps.map((step) => JSON.stringify(step)).join(",\n ")}]` : "";
      area.dispatchEvent(new Event("input", { bubbles: true }));
      area.dispatchEvent(new Event("change", { bubbles: true }));
    };
    const again = (focus) => {
      keep();
      draw(focus);
    };

    function move(from, to) {
      steps.splice(to, 0, ...steps.splice(from, 1));
      again(to);
    }

    function line(step, number) {
      const entry = entries.get(step.name);
      const asked = entry ? entry.arguments.map((argument) => one(step, argument, number)) : [];
      const picked = picker(step.name, (name) => {
        helped.add(steps[number] = { name });
        again(number);
      });
      const help = press("?", "What this step does", () => {
        helped[helped.has(step) ? "delete" : "add"](step);
        tellHelp();
      });
      const made = make("div", { className: "fb-line", data: { step: number } },
        make("div", { className: "fb-line-head" },
          make("span", { className: "fb-count", textContent: `${number + 1}.` }), picked, entry && help,
          number > 0 && press("↑", "Move this step up", () => move(number, number - 1)),
          number < steps.length - 1 && press("↓", "Move this step down", () => move(number, number + 1)),
          press("✕", "Take this step out", () => {
            steps.splice(number, 1);
            again(number - 1);
          })),
        entry && make("p", { className: "fb-note fb-help", textContent: entry.does }), ...asked,
        entry ? fault(number, "") : make("p", { className: "fb-fault", textContent: `There is no transform called “${step.name}”.` }));
      const tellHelp = () => {
        made.classList.toggle("fb-helped", helped.has(step));
        help.setAttribute("aria-expanded", helped.has(step));
      };
      tellHelp();
      return made;
    }

    function one(step, argument, number) {
      const set = (value) => {
        if (value === undefined) {
          delete step[argument.name];
        } else {
          step[argument.name] = value;
        }
        keep();
      };
      return make("div", { className: "fb-argument" },
        make("span", { className: "fb-name", textContent: argument.name.replaceAll("_", " ") }),
        make("div", {}, drawn(argument, step[argument.name], set),
          make("p", { className: "fb-note fb-help", textContent: argument.help }), fault(number, argument.name)));
    }

    function fault(number, name) {
      const { step, argument, fault: words } = area.dataset;
      const here = words && Number(step) === number && argument === name;
      return here ? make("p", { className: "fb-fault", textContent: words }) : null;
    }

    function picker(name, act) {
      const select = make("select", { className: "fb-pick" });
      select.setAttribute("aria-label", name ? "Transform" : "Add a step");
      select.append(make("option", { value: "", textContent: "" }));
      for (const theme of themes) {
        const group = make("optgroup", { label: theme.name });
        group.append(...theme.entries.map((e) => make("option", {
          value: e.name, textContent: `${e.name} · ${e.does.split(". ")[0]}`, selected: e.name === name })));
        select.append(group);
      }
      const holder = make("div", { className: "fb-picker" }, select);
      $(select).select2({
        width: "100%", theme: "admin-autocomplete", placeholder: name || "Add a step…",
        templateSelection: (chosen) => chosen.id || chosen.text, matcher: matching,
      }).on("select2:select", (event) => act(event.params.data.id));
      return holder;
    }

    // By name where there is such a name, else by what it does.
    function matching({ term }, found) {
      const asked = (term || "").trim().toLowerCase();
      if (!asked) {
        return found;
      }
      const named = [...entries.keys()].some((name) => name.includes(asked));
      const fits = ({ id, text }) => named ? id.includes(asked) : text.toLowerCase().includes(asked);
      const children = (found.children || []).filter(fits);
      return children.length ? { ...found, children } : null;
    }

    function draw(focus) {
      $(box).find("select.fb-pick").select2("destroy");
      box.replaceChildren(...steps.map(line), picker("", (name) => {
        helped.add(steps[steps.push({ name }) - 1]);
        again(steps.length - 1);
      }));
      const line_ = focus >= 0 && box.querySelectorAll(".fb-line")[focus];
      const first = line_ && line_.querySelector("input, .fb-argument select, .select2-selection");
      if (first) {
        first.focus();
      }
    }

    area.addEventListener("fb:read", () => {
      steps = parsed(area.value) || steps;
      draw();
    });
    draw();
    show(area, box);
  }

  function parsed(text) {
    try {
      const found = text.trim() ? JSON.parse(text) : [];
      return Array.isArray(found) && found.every((one) => one && typeof one.name === "string") ? found : null;
    } catch {
      return null;
    }
  }

  function counted(text) {
    try {
      return JSON.parse(text);
    } catch {
      return null;
    }
  }

  // Examples

  const shown = (value) => typeof value === "string" ? value : JSON.stringify(value) === held ? "(held)" : JSON.stringify(value);
  function meant(text) {
    if (text === "(held)") {
      return { held: true };
    }
    try {
      const found = JSON.parse(text);
      return typeof found === "object" && found !== null ? found : text;
    } catch {
      return text;
    }
  }

  function examples(area) {
    let given;
    try {
      given = area.value.trim() ? JSON.parse(area.value) : [];
    } catch {
      return;
    }
    if (!Array.isArray(given) || !given.every((pair) => Array.isArray(pair) && pair.length === 2)) {
      return;
    }
    const keep = (lines) => {
      area.value = lines.length ? `[${lines.map((pair) => JSON.stringify(pair)).join(",\n ")}]` : "";
      area.dispatchEvent(new Event("change", { bubbles: true }));
    };
    const drawn = pairs(given, keep, ["what goes in", "what must come out"], shown, meant);
    const said = make("span", { className: "fb-note" });
    said.setAttribute("role", "status");
    const fill = press("Fill in what comes out now", "Fill in what this row makes now", async () => {
      const lines = drawn.lines();
      const answer = await tried(area, lines.map(([left]) => meant(left.value)));
      said.textContent = answer.problem || (lines.length ? "" : "Add a line first: what goes in.");
      (answer.made || []).forEach((value, n) => {
        lines[n][1].value = shown(value);
      });
      drawn.tell();
    });
    drawn.box.append(fill, said);
    show(area, drawn.box);
  }

  async function tried(area, values) {
    const prefix = area.name.replace(/examples$/, "");
    const sources = [...document.getElementsByName(`${prefix}sources`)].flatMap((one) => [...one.selectedOptions].map((o) => o.value));
    const body = new URLSearchParams({ values: JSON.stringify(values), transforms: document.getElementsByName(`${prefix}transforms`)[0].value });
    sources.forEach((path) => body.append("sources", path));
    body.append("csrfmiddlewaretoken", document.querySelector("[name=csrfmiddlewaretoken]").value);
    try {
      const answer = await fetch(told.dataset.tryAt || location.pathname.replace(/change\/$/, "try/"), { method: "POST", body });
      return answer.ok ? await answer.json() : { problem: "That did not work. Try again." };
    } catch {
      return { problem: "There is no connection. Try again." };
    }
  }

  // The text stays at hand below the lines.

  function show(area, box) {
    const old = area.parentNode.querySelector(":scope > .fb-lines");
    if (old) {
      old.remove();
    }
    const text = make("details", { className: "fb-text" }, make("summary", { className: "fb-note", textContent: "As text" }));
    const holder = make("div", { className: "fb-lines" }, box, text);
    area.before(holder);
    text.append(area);
    area.addEventListener("change", (event) => {
      if (event.isTrusted) {
        area.dispatchEvent(new Event("fb:read"));
      }
    });
  }

  const builders = { steps: chain, examples };
  function build(within) {
    within.querySelectorAll("textarea[data-lines]").forEach((area) => {
      if (!area.name.includes("__prefix__") && !area.closest(".fb-lines")) {
        builders[area.dataset.lines](area);
      }
    });
    window.setTimeout(() => fields(within));
    within.querySelectorAll(".field-owner").forEach((cell) => fold(cell.closest("tr")));
  }

  // What few rows need is folded away: who wins, the way back, who may edit it, examples.
  const rare = ["owner", "back_path", "back_transforms", "editable", "examples"];
  function fold(row) {
    const place = row && row.querySelector("td.field-mode");
    if (!place || row.querySelector(".fb-fold") || row.closest(".empty-form")) {
      return;
    }
    const cells = rare.map((name) => row.querySelector(`td.field-${name}`)).filter(Boolean);
    const value = (name) => (row.querySelector(`[name$=-${name}]`) || {}).value || "";
    const more = press("", "Who wins, the way back, who may edit it and examples", () => set(row.classList.contains("fb-folded")), "fb-fold");
    function set(open) {
      row.classList.toggle("fb-folded", !open);
      more.setAttribute("aria-expanded", open);
      const [back, pairs_] = [value("back_path"), value("examples")];
      const count = (counted(pairs_) || []).length;
      const edited = (row.querySelector("[name$=-editable]") || {}).checked;
      const holds = [back && `back to ${back}`, edited && "edited on approval", count && `${count} example${count > 1 ? "s" : ""}`].filter(Boolean).join(", ");
      more.textContent = open ? "Fewer settings" : holds ? `More: ${holds}` : "Way back, examples";
    }
    place.append(more);
    set(cells.some((cell) => cell.querySelector(".errorlist, .fb-fault, [aria-invalid=true]")));
  }

  // A chosen field is named in short; the list says more of it. A new key can be typed.
  function fields(within) {
    const here = "select[name$=-sources], select[name$=-target_path], select[name$=-back_path]";
    within.querySelectorAll(here).forEach((select) => {
      if (select.name.includes("__prefix__") || select.dataset.short || !$(select).data("select2")) {
        return;
      }
      select.dataset.short = "yes";
      const options = $(select).data("select2").options.options;
      options.templateSelection = (chosen) => chosen.text.split(" · ").slice(0, 2).join(" · ");
      options.templateResult = (found) => {
        const [path, label, ...more] = found.text.split(" · ");
        return found.id && label
          ? make("span", {}, `${path} · ${label}`, make("span", { className: "fb-more", textContent: more.join(" · ") }))
          : found.text;
      };
      $(select).trigger("change.select2");
    });
  }

  document.addEventListener("formset:added", (event) => build(event.target));
  build(document);
  $(() => fields(document)); // after the theme's own script has made its lists
});
