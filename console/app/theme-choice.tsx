// Light, dark, or as the system says. public/theme.js applies the choice before the next first paint.
import { useState } from "react";
import { RadioButton, RadioField, RadioGroup } from "react-aria-components";
import styles from "./shell.module.css";

const KEY = "holdfast.theme";
const THEMES = ["system", "light", "dark"] as const;

export function ThemeChoice() {
  const [theme, setTheme] = useState(() => document.documentElement.dataset["theme"] ?? "system");
  const choose = (next: string): void => {
    setTheme(next);
    if (next === "system") {
      delete document.documentElement.dataset["theme"];
      localStorage.removeItem(KEY);
    } else {
      document.documentElement.dataset["theme"] = next;
      localStorage.setItem(KEY, next);
    }
  };
  return (
    <RadioGroup
      aria-label="Theme"
      orientation="horizontal"
      value={theme}
      onChange={choose}
      className={styles.themes}
    >
      {THEMES.map((name) => (
        <RadioField key={name} value={name}>
          <RadioButton className={styles["theme"] ?? ""}>
            {name === "system" ? "Auto" : name === "light" ? "Light" : "Dark"}
          </RadioButton>
        </RadioField>
      ))}
    </RadioGroup>
  );
}
