// What `bin/holdfast.js` does before it loads anything.
import { keepHeapLow } from "../bin/memory.js";

keepHeapLow();
