// What `bin/holdfast.js` does before it loads anything.
import "../bin/imports.js";
import { keepHeapLow } from "../bin/memory.js";

keepHeapLow();
