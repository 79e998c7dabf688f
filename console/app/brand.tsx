// The name and its mark.
import styles from "./shell.module.css";

export function Brand({ large = false }: { readonly large?: boolean }) {
  const size = large ? 36 : 26;
  return (
    <span className={large ? `${styles["brand"]} ${styles["brandLarge"]}` : styles["brand"]}>
      <img src="/icon.svg" alt="" width={size} height={size} />
      Holdfast
    </span>
  );
}
