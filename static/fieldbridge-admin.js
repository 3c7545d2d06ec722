// The fields a mapping row reads are sent in the order they were chosen: a chosen one moves to the end of the list.
document.addEventListener("DOMContentLoaded", () => {
  const $ = window.django && window.django.jQuery;
  if (!$) {
    return;
  }
  $(document).on("select2:select", "select[multiple][name$=-sources]", (event) => {
    const chosen = event.params.data.element;
    if (chosen) {
      $(event.target).append(chosen).trigger("change");
    }
  });
});

// A rule shows what its outcome needs, and offers for each condition what can be asked about its field. Without this
// everything is there, and saving says what does not fit.
document.addEventListener("DOMContentLoaded", () => {
  const $ = window.django && window.django.jQuery;
  if (!$ || !document.getElementById("rules-group")) {
    return;
  }
  const needed = { skip: ["reason"], hold: ["role", "reason"], set: ["target_path", "value"], incident: ["reason"], route: ["sends_to"] };
  const examples = { eq: "5,000", lt: "5,000", le: "5,000", gt: "5,000", ge: "5,000", before: "2026-01-31", from: "2026-01-31", last_days: "30", one_of: "one, another", any_of: "one, another" };

  function fitOutcome(outcome) {
    const prefix = outcome.name.replace(/outcome$/, "");
    for (const name of ["reason", "role", "target_path", "value", "sends_to"]) {
      const line = document.getElementById(`id_${prefix}${name}`).closest(".field-line");
      const wrong = line.querySelector(".errorlist, [aria-invalid]");
      line.classList.toggle("fb-not", !needed[outcome.value].includes(name) && !wrong);
    }
  }

  function fitCondition(row) {
    const [field, operator] = row.querySelectorAll("select");
    const value = row.querySelector("input[type=text]");
    const chosen = field.selectedOptions[0];
    const kind = chosen && chosen.dataset.kind;
    for (const option of operator.options) {
      option.hidden = option.disabled = Boolean(kind) && !option.dataset.kinds.split("|").includes(kind);
    }
    for (const group of operator.querySelectorAll("optgroup")) {
      group.hidden = [...group.children].every((option) => option.hidden);
    }
    if (operator.selectedOptions[0].disabled) {
      operator.value = [...operator.options].find((option) => !option.disabled).value;
    }
    value.classList.toggle("fb-not", ["yes", "no", "empty"].includes(operator.value));
    value.placeholder = examples[operator.value] || "Compared with";
  }

  function fitAll() {
    document.querySelectorAll("#rules-group select[name$=-outcome]").forEach(fitOutcome);
    document.querySelectorAll("#rules-group .fb-condition").forEach(fitCondition);
  }

  $(document).on("change", "#rules-group select", fitAll);
  document.addEventListener("formset:added", fitAll);
  fitAll();
});

// The preview follows what is typed: htmx sends the form a moment after the last key, and only the last answer counts.
document.addEventListener("DOMContentLoaded", () => {
  const preview = document.getElementById("fb-preview");
  const form = preview && document.getElementById(preview.dataset.form);
  if (!form || !window.htmx) {
    return;
  }
  const typed = () => window.htmx.trigger(preview, "fb-typed");
  form.addEventListener("input", typed);
  // What has the focus stays clear of the preview, which comes into sight with it.
  form.addEventListener("focusin", (event) => requestAnimationFrame(() => event.target.scrollIntoView({ block: "nearest" })));
  document.addEventListener("formset:removed", typed);
  form.addEventListener("click", (event) => event.target.closest("[name$=-DELETE]") && typed());
  if (window.django && window.django.jQuery) {
    window.django.jQuery(form).on("change", "select", typed); // select2 tells jQuery alone
  }
  const search = document.getElementById("fb-preview-q");
  search.addEventListener("input", typed);
});
