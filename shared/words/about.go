package words

import "example.com/deputy/shared/i18n"

// The pages about the app itself, which Google's verification of an app looks
// at. %s is the app's name, unless it says otherwise.
var (
	AboutTitle    = i18n.Sentence("%s for Google Chat", "适用于 Google Chat 的 %s")
	AboutWhat     = i18n.Sentence("%s does things in Google Chat as you. You connect once, from inside Chat. From then on a command such as /createspace makes a space that is yours, in your name, and Chat shows beside it that %s did it.", "%s 在 Google Chat 中以您的身份做事。您只需在 Chat 中连接一次，之后 /createspace 等命令就会以您的名义创建属于您的聊天室，Chat 会在旁边显示这是由 %s 完成的。")
	AboutBegin    = i18n.Sentence("How to begin", "如何开始")
	AboutBeginHow = i18n.Sentence("In Google Chat, begin a conversation with the app %s and type /connect. /help shows all it can do.", "在 Google Chat 中与应用 %s 开始对话，输入 /connect。/help 会显示它的全部功能。")
	AboutAsks     = i18n.Sentence("What it asks you for, and when", "它会请求哪些权限，何时请求")
	AboutAsksHow  = i18n.Sentence("Each of these only when you first use what needs it. You can leave any of them out.", "仅在您首次使用相关功能时请求，您可以不授予其中任何一项。")
	AboutSystems  = i18n.Sentence("What only other systems need, which you have approved by name", "仅供您已逐一批准的其他系统使用")
	AboutEnd      = i18n.Sentence("How to end it", "如何终止")
	AboutEndHow   = i18n.Sentence("Type /disconnect in Google Chat: %s deletes its access and revokes it at Google. Or remove %s in your Google Account, under the apps that have access.", "在 Google Chat 中输入 /disconnect：%s 会删除其访问权限并在 Google 处撤销。您也可以在 Google 账号的“有权访问的应用”中移除 %s。")

	PrivacyTitle   = i18n.Sentence("Privacy", "隐私权政策")
	PrivacyWho     = i18n.Sentence("This is about %s, the app for Google Chat, and what it does with data of your Google Account.", "本页说明 Google Chat 应用 %s 如何处理您的 Google 账号数据。")
	PrivacyHolds   = i18n.Sentence("What is stored", "存储的内容")
	PrivacyAccount = i18n.Sentence("the id and the e-mail address of your Google Account, and that you are connected", "您的 Google 账号 ID 和电子邮件地址，以及您已连接这一事实")
	PrivacyTokens  = i18n.Sentence("what you have allowed, and the tokens that Google gave for it, encrypted", "您授予的权限，以及 Google 为此颁发的令牌（已加密）")
	PrivacySystems = i18n.Sentence("which other systems you have approved and, for 30 days, what they did as you: which, what, and when", "您批准了哪些其他系统，以及它们在 30 天内以您的身份做了什么：系统、操作和时间")
	PrivacyReplies = i18n.Sentence("for seven days, the answers that those systems got, encrypted, so that a repeated request does nothing twice", "七天内这些系统得到的答复（已加密），以免重复的请求被执行两次")
	PrivacyNot     = i18n.Sentence("No text of messages is stored, and nothing of what you fill into a form.", "不存储消息文本，也不存储您在表单中填写的内容。")
	PrivacyUse     = i18n.Sentence("What it is used for", "用途")
	PrivacyUseHow  = i18n.Sentence("To do what you ask for, what a system asks for that you have approved, or what your organization's administrators ask for with their own rights. Nothing else: no advertising, no analysis, no training of models.", "用于执行您的请求、您批准的系统的请求，或您组织的管理员以其自身权限提出的请求。除此之外别无用途：不用于广告、分析或模型训练。")
	PrivacyGiven   = i18n.Sentence("Whom it is given to", "向谁提供")
	PrivacyGivenTo = i18n.Sentence("Google, whose services do what was asked, and on whose cloud %s runs. A system that you have approved gets the answer to what it asked for. Nobody else.", "Google：其服务执行所请求的操作，%s 也运行在其云平台上。您批准的系统会得到其请求的答复。不提供给其他任何人。")
	PrivacyLong    = i18n.Sentence("How long, and how to have it deleted", "保存多久，如何删除")
	PrivacyLongHow = i18n.Sentence("Until you disconnect. /status in Google Chat shows what is stored, gives it to you as a file, and erases it; /disconnect ends the access and deletes the tokens. Tokens that Google calls dead are deleted at once, and what is left of such a connection after half a year. Who removes the app, and does not use it for a week, is disconnected. Copies in backups of the database are deleted with these.", "直至您断开连接。在 Google Chat 中输入 /status 可查看存储的内容、下载文件并清除；/disconnect 会终止访问并删除令牌。Google 判定失效的令牌会立即删除，该连接的其余记录半年后删除。移除应用且一周未使用者会被断开连接。数据库备份中的副本随备份一并删除。")
	PrivacyLimited = i18n.Sentence("The use of information received from Google APIs by %s adheres to the Google API Services User Data Policy, including the Limited Use requirements.", "%s 对从 Google API 获得的信息的使用遵守《Google API 服务用户数据政策》，包括其中的“有限使用”要求。")
	PrivacyPolicy  = i18n.Sentence("Google API Services User Data Policy", "Google API 服务用户数据政策")

	TermsTitle   = i18n.Sentence("Terms", "使用条款")
	TermsName    = i18n.Sentence("What %s does, it does in your name, with your rights, because you or a system that you approved asked for it. It counts as if you had done it yourself.", "%s 的操作均应您或您批准的系统的请求，以您的名义和权限执行，视同您本人所为。")
	TermsAccount = i18n.Sentence("Connect only accounts that are yours, and use %s as your organization's rules and Google's terms for Google Chat allow.", "请仅连接您自己的账号，并在您组织的规定和 Google Chat 条款允许的范围内使用 %s。")
	TermsEnd     = i18n.Sentence("You can end it at any time with /disconnect. Who runs %s for you, or your administrator, can end it too.", "您可随时用 /disconnect 终止。为您运行 %s 的一方或您的管理员也可以终止。")
	TermsAsIs    = i18n.Sentence("%s comes as it is, without warranty; who runs it for you may promise more.", "%s 按现状提供，不附带任何保证；为您运行它的一方可另行作出承诺。")

	AboutContact     = i18n.Sentence("Contact", "联系方式")
	AboutContactNone = i18n.Sentence("Please ask whoever set %s up in your organization: your Google Workspace administrator knows.", "请联系在您组织中设置 %s 的人员：您的 Google Workspace 管理员知道。")
)
