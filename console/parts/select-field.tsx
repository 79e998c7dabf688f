// A labelled choice of one. The browser's own list: every keyboard, phone and screen reader knows it.
import { useId } from "react";

export interface SelectFieldProps<T extends string> {
  readonly label: string;
  /** "" where nothing is chosen. */
  readonly value: T | "";
  readonly options: readonly { readonly value: T; readonly label: string }[];
  /** What it says while nothing is chosen; left out: something always is. */
  readonly none?: string;
  readonly onChange: (value: T | "") => void;
}

export function SelectField<T extends string>({
  label,
  value,
  options,
  none,
  onChange,
}: SelectFieldProps<T>) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <select
        id={id}
        value={value}
        onChange={(event) =>
          onChange(options.find((option) => option.value === event.target.value)?.value ?? "")
        }
      >
        {none !== undefined && <option value="">{none}</option>}
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.label}
          </option>
        ))}
      </select>
    </div>
  );
}
