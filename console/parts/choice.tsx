// Boxes to tick and to choose one of, whose whole label can be pressed.
import type { ReactNode } from "react";
import { CheckboxButton, CheckboxField, RadioButton, RadioField } from "react-aria-components";

export interface ChoiceProps {
  readonly value: string;
  readonly isDisabled?: boolean;
  /** With a frame around it, as one of a few that stand side by side. */
  readonly framed?: boolean;
  readonly children: ReactNode;
}

/** Within a CheckboxGroup. */
export function Tick({ value, isDisabled, framed, children }: ChoiceProps) {
  return (
    <CheckboxField value={value} isDisabled={isDisabled}>
      <CheckboxButton className={framed === true ? "choice framed" : "choice"}>
        <span className="box" aria-hidden="true" />
        <span>{children}</span>
      </CheckboxButton>
    </CheckboxField>
  );
}

export interface SingleTickProps {
  readonly isSelected: boolean;
  readonly onChange: (isSelected: boolean) => void;
  readonly children: ReactNode;
}

/** One that stands by itself. */
export function SingleTick({ isSelected, onChange, children }: SingleTickProps) {
  return (
    <CheckboxField isSelected={isSelected} onChange={onChange}>
      <CheckboxButton className="choice">
        <span className="box" aria-hidden="true" />
        <span>{children}</span>
      </CheckboxButton>
    </CheckboxField>
  );
}

/** Within a RadioGroup. */
export function Option({ value, isDisabled, framed, children }: ChoiceProps) {
  return (
    <RadioField value={value} isDisabled={isDisabled}>
      <RadioButton className={framed === true ? "choice framed" : "choice"}>
        <span className="box round" aria-hidden="true" />
        <span>{children}</span>
      </RadioButton>
    </RadioField>
  );
}
