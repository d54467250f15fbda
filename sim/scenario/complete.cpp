#include "scenario/complete.hpp"

namespace gpuhours {

void complete(Architecture& model) {
  if (model.kv_heads == 0) model.kv_heads = model.heads;
  if (model.head_dim == 0 && model.attention == AttentionKind::mla) model.head_dim = model.qk_nope + model.qk_rope;
  if (model.head_dim == 0 && model.heads > 0) model.head_dim = model.hidden / model.heads;
}

}  // namespace gpuhours
