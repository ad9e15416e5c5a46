-- One reservation on a path of budgets in one round trip: the whole path or nothing.
--
-- Answers like budgets.domain.admission, which says the same for many asks at once and for SQLite;
-- a property test compares the two. It counts in four units where 0005 counted in three. Rows of the hold come first and the budgets last, leaf to root:
-- the root, which most others wait for, is locked for the shortest time, and always in this order.
-- What is refused is undone by the inner block, so that a caller's transaction can go on.
DROP FUNCTION IF EXISTS commonwatt_place_hold;

CREATE FUNCTION commonwatt_place_hold(
    p_hold uuid,
    p_budget uuid,
    p_tokens bigint,
    p_carbon_ug bigint,
    p_micro_usd bigint,
    p_reference text,
    p_lease_expires_at timestamptz,
    p_actor text,
    p_now timestamptz,
    p_gear text,                -- what the hold is marked with where no block covers it
    p_energy_uwh bigint DEFAULT 0,  -- last, so that whoever knows three units only can still ask
    OUT answer text,            -- placed, missing, duplicate, over or short
    OUT gear text,
    OUT warning_percent integer,
    OUT is_alerted boolean,
    OUT path uuid[],            -- leaf first
    OUT choice text,            -- what the leaf's administrator says of the gear
    OUT refuser uuid,           -- from here on: the budget that turned it away, amounts in steps
    OUT refuser_name text,
    OUT refuser_level text,
    OUT refuser_unit text,
    OUT refuser_limit bigint,
    OUT refuser_spent bigint,
    OUT refuser_reserved bigint,
    OUT refuser_needed bigint,
    OUT refuser_resets_at timestamptz
)
LANGUAGE plpgsql AS $function$
DECLARE
    v_depth integer;
    v_path_ids jsonb;
    v_unit text;
    v_steps bigint[];
    v_count integer;
    v_at integer;
    v_escrow bigint;
    v_percents integer[];
    v_used numeric;
    v_free numeric;
    v_row record;
    v_constraint text;
    v_has_ended boolean;
    v_is_over boolean := false;
BEGIN
    is_alerted := false;
    SELECT depth, path_ids, unit, b.gear INTO v_depth, v_path_ids, v_unit, choice
      FROM budgets_budget b WHERE id = p_budget AND deallocated_at IS NULL;
    IF NOT FOUND THEN
        answer := 'missing';
        RETURN;
    END IF;
    IF v_depth = 0 THEN
        path := ARRAY[p_budget];
        v_steps := ARRAY[CASE v_unit WHEN 'tokens' THEN p_tokens WHEN 'carbon_g' THEN p_carbon_ug
                                     WHEN 'micro_usd' THEN p_micro_usd ELSE p_energy_uwh END];
    ELSE
        SELECT array_agg(b.id ORDER BY b.depth DESC),
               array_agg(CASE b.unit WHEN 'tokens' THEN p_tokens WHEN 'carbon_g' THEN p_carbon_ug
                                     WHEN 'micro_usd' THEN p_micro_usd ELSE p_energy_uwh END ORDER BY b.depth DESC)
          INTO path, v_steps
          FROM jsonb_array_elements_text(v_path_ids) step JOIN budgets_budget b ON b.id = step::uuid;
    END IF;
    SELECT ARRAY[coalesce(max(trunc(value)) FILTER (WHERE name = 'budget-warn'), 75)::integer,
                 coalesce(max(trunc(value)) FILTER (WHERE name = 'budget-critical'), 85)::integer,
                 coalesce(max(trunc(value)) FILTER (WHERE name = 'budget-emergency'), 95)::integer]
      INTO v_percents
      FROM budgets_threshold WHERE name IN ('budget-warn', 'budget-critical', 'budget-emergency');

    BEGIN
        v_count := cardinality(path);
        gear := p_gear;
        IF v_count > 1 THEN
            UPDATE budgets_escrowlease
               SET free_tokens = free_tokens - p_tokens, used_tokens = used_tokens + p_tokens,
                   free_carbon_ug = free_carbon_ug - p_carbon_ug, used_carbon_ug = used_carbon_ug + p_carbon_ug,
                   free_micro_usd = free_micro_usd - p_micro_usd, used_micro_usd = used_micro_usd + p_micro_usd,
                   free_energy_uwh = free_energy_uwh - p_energy_uwh, used_energy_uwh = used_energy_uwh + p_energy_uwh,
                   last_used_at = p_now
             WHERE budget_id = p_budget AND status = 'open' AND free_tokens >= p_tokens
               AND free_carbon_ug >= p_carbon_ug AND free_micro_usd >= p_micro_usd AND free_energy_uwh >= p_energy_uwh
            RETURNING id INTO v_escrow;
            IF v_escrow IS NOT NULL THEN
                gear := 'leased';
                v_count := 1;
            END IF;
        END IF;

        INSERT INTO budgets_hold (id, budget_id, escrow_id, status, gear, fence, reference, actor, tokens, carbon_ug,
                                  micro_usd, energy_uwh, created_at, lease_expires_at, is_unverified)
        VALUES (p_hold, p_budget, v_escrow, 'reserved', commonwatt_place_hold.gear, 1, p_reference, p_actor, p_tokens,
                p_carbon_ug, p_micro_usd, p_energy_uwh, p_now, p_lease_expires_at, false);
        FOR v_at IN 1..v_count LOOP
            INSERT INTO budgets_holdline (hold_id, budget_id, reserved) VALUES (p_hold, path[v_at], v_steps[v_at]);
            INSERT INTO budgets_ledgerentry (budget_id, hold_id, kind, limit_delta, spent_delta, reserved_delta,
                                             overdraft_delta, tradeable_delta, at, actor, reason)
            VALUES (path[v_at], p_hold, 'hold', 0, 0, v_steps[v_at], 0, 0, p_now, p_actor, p_reference);
        END LOOP;

        v_at := 0;
        WHILE v_at < cardinality(path) LOOP
            v_at := v_at + 1;
            IF v_at <= v_count THEN
                UPDATE budgets_budget SET reserved = reserved + v_steps[v_at]
                 WHERE id = path[v_at] AND deallocated_at IS NULL AND (period_ends_at IS NULL OR period_ends_at > p_now)
                   AND "limit" - spent - reserved >= v_steps[v_at]
                RETURNING "limit", spent, reserved, period_starts_at, warning_amounts INTO v_row;
                IF NOT FOUND THEN
                    RAISE EXCEPTION SQLSTATE 'CW001';
                END IF;
            ELSE
                -- Above a leaf with a block nothing is locked; but what was spent there must be counted in its period.
                SELECT "limit", spent, reserved, period_starts_at, warning_amounts,
                       coalesce(period_ends_at <= p_now, false) AS is_over
                  INTO STRICT v_row FROM budgets_budget WHERE id = path[v_at];
                IF v_row.is_over THEN
                    v_is_over := true;
                    RAISE EXCEPTION SQLSTATE 'CW001';
                END IF;
            END IF;
            v_used := v_row.spent + v_row.reserved;
            -- Numeric: a hundred times the largest amount does not fit 64 bits.
            CONTINUE WHEN v_used * 100 < v_percents[1] * v_row."limit"::numeric AND v_row.warning_amounts = '[]';
            -- What blocks hold here and nobody has been promised is not used: without blocks it would not be there.
            v_free := coalesce((
                SELECT sum(CASE held.unit WHEN 'tokens' THEN free_tokens WHEN 'carbon_g' THEN free_carbon_ug
                                          WHEN 'micro_usd' THEN free_micro_usd ELSE free_energy_uwh END)
                  FROM budgets_escrowlease lease
                  JOIN budgets_holdline line ON line.hold_id = lease.hold_id
                  JOIN budgets_budget held ON held.id = line.budget_id
                 WHERE lease.status <> 'closed' AND line.budget_id = path[v_at]), 0);
            v_used := v_used - v_free;
            SELECT greatest(warning_percent, max(percent)) INTO warning_percent
              FROM unnest(v_percents) percent
             WHERE v_row."limit" > 0 AND v_used * 100 >= percent * v_row."limit"::numeric;
            INSERT INTO budgets_budgetalert (budget_id, kind, level, period_starts_at, at, facts)
            SELECT path[v_at], news.kind, news.level, v_row.period_starts_at, p_now,
                   jsonb_build_object('limit', v_row."limit", 'spent', v_row.spent, 'reserved', v_row.reserved - v_free)
              FROM (SELECT 'percent' AS kind, percent::bigint AS level FROM unnest(v_percents) percent
                     WHERE v_row."limit" > 0 AND v_used * 100 >= percent * v_row."limit"::numeric
                     UNION
                    SELECT 'amount', amount::bigint FROM jsonb_array_elements_text(v_row.warning_amounts) amount
                     WHERE v_used >= amount::bigint) news
             WHERE NOT EXISTS (SELECT 1 FROM budgets_budgetalert known
                                WHERE known.budget_id = path[v_at] AND known.kind = news.kind
                                  AND known.period_starts_at = v_row.period_starts_at AND known.level = news.level)
            ON CONFLICT DO NOTHING;
            is_alerted := is_alerted OR FOUND;
        END LOOP;
        answer := 'placed';
    EXCEPTION
        WHEN unique_violation THEN
            GET STACKED DIAGNOSTICS v_constraint = CONSTRAINT_NAME;
            IF v_constraint <> 'hold_one_open_per_reference' THEN
                RAISE;
            END IF;
            answer := 'duplicate';
        WHEN SQLSTATE 'CW001' THEN
            SELECT id, name, level, unit, "limit", spent, reserved, period_ends_at, deallocated_at IS NOT NULL,
                   CASE WHEN v_is_over OR period_ends_at <= p_now THEN 'over' ELSE 'short' END
              INTO refuser, refuser_name, refuser_level, refuser_unit, refuser_limit, refuser_spent, refuser_reserved,
                   refuser_resets_at, v_has_ended, answer
              FROM budgets_budget WHERE id = path[v_at];
            refuser_needed := v_steps[v_at];
            IF v_has_ended THEN
                answer := 'missing';
            END IF;
    END;
    IF answer <> 'placed' THEN
        gear := NULL;
        warning_percent := NULL;
        is_alerted := false;
    END IF;
END
$function$;
