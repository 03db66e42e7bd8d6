// How weights of LSTM layers are stored: the part of the packed layout that is a choice.
#pragma once

namespace auspex::model {

// How the recurrent weights, which every step reads anew, are stored; the rest is always float.
enum class LstmWeights {
  kFloat,
  // Rounded to bfloat16 (8 bits of mantissa: relative error 2^-9), computed with as floats: half
  // the memory to read per step. Two inputs share a 32-bit word, the second one's weight in its
  // lower half; the word as a whole, read as a float, is the first one's weight, rounded with that
  // in mind.
  kBfloat16,
};

}  // namespace auspex::model
